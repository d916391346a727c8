package web_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// What people do to what another team looks after can be asked for: keys,
// service accounts, resources, roles of a team, and who lets themselves in.
func TestU16_ActsAcrossTeamsAreFoundInTheAudit(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, ws := t.Context(), h.workspace.ID
	mine, theirs := authz.TeamID(h.id("POST", "/v1/teams", `{"name":"Mine"}`)), authz.TeamID(h.id("POST", "/v1/teams", `{"name":"Theirs"}`))
	boss := h.joins(ws, authz.RoleOwner)
	h.done("PUT", "/v1/teams/"+string(mine)+"/members/"+boss.Subject, "")
	account := func(team authz.TeamID) authz.ServiceAccountID {
		name := "runner"
		return made(h.admin.CreateServiceAccount(ctx, boss, ws, admin.ServiceAccountSettings{Name: &name, TeamID: &team}))(t).ID
	}
	own, foreign := account(mine), account(theirs)
	key := func(of authz.ServiceAccountID) authz.KeyID {
		k, _ := h.mint(func(r *apikey.Request) { r.ServiceAccountID = of })
		return k.ID
	}
	resource := func(id string, team authz.TeamID) {
		made(h.admin.RegisterResource(ctx, boss, ws, authz.Cluster, id, admin.ResourceSettings{Name: &id, TeamID: &team}))(t)
	}
	for _, k := range []authz.KeyID{key(own), key(foreign)} {
		if _, err := h.keys.Revoke(ctx, boss, authz.Origin{}, ws, k); err != nil {
			t.Fatal(err)
		}
	}
	resource("eu", mine)
	resource("us", theirs)
	none := authz.TeamID("")
	made(h.admin.UpdateResource(ctx, boss, ws, authz.Cluster, "us", 0, admin.ResourceSettings{TeamID: &none}))(t) // was theirs
	h.ok(h.admin.ForgetResource(ctx, boss, ws, authz.Cluster, "eu"))
	made(h.admin.Bind(ctx, boss, ws, admin.Binding{Kind: authz.TeamSubject, Subject: string(theirs), Role: authz.RoleViewer}))(t)
	made(h.admin.Bind(ctx, boss, ws, admin.Binding{Kind: authz.ServiceAccountSubject, Subject: string(own), Role: authz.RoleViewer}))(t)
	made(h.admin.UpdateServiceAccount(ctx, boss, ws, foreign, 0, admin.ServiceAccountSettings{TeamID: &mine}))(t) // taken over
	h.ok(h.admin.AddTeamMember(ctx, boss, ws, theirs, authz.UserID(boss.Subject)))                                // lets themselves in
	h.ok(h.admin.RemoveTeamMember(ctx, boss, ws, theirs, authz.UserID(boss.Subject)))                             // is in by then

	var got []string
	for _, e := range made(h.store.ListCrossTeam(ctx, issuer, ws, authz.Page{Limit: 100}))(t) {
		if e.Actor != boss.Subject {
			continue // the operator, who is in no team
		}
		if got = append(got, e.Type); e.Team != theirs || e.ActorTeam != mine {
			t.Errorf("%s: %q by somebody of %q", e.Type, e.Team, e.ActorTeam)
		}
	}
	slices.Sort(got)
	want := []string{
		"api_key.revoked", "resource.registered", "resource.updated", "role.bound", "service_account.created", "service_account.updated", "team.member_added",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A use that is refused at what another team looks after is an act across teams
// too; one at a resource of nobody's, or of one's own team, is none, and what
// somebody made up is not kept.
func TestU16_AUseRefusedAtAnotherTeamsResourceIsFoundInTheAudit(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	gateway := h.gateway(authz.Live)
	ws := h.workspace.ID
	boss := h.joins(ws, authz.RoleOwner)
	mine, theirs := authz.TeamID(h.id("POST", "/v1/teams", `{"name":"Mine"}`)), authz.TeamID(h.id("POST", "/v1/teams", `{"name":"Theirs"}`))
	name := "runner"
	account := made(h.admin.CreateServiceAccount(t.Context(), boss, ws, admin.ServiceAccountSettings{Name: &name, TeamID: &mine}))(t)
	for id, team := range map[string]authz.TeamID{"eu": mine, "us": theirs, "nobodys": "", "none-of-these": ""} {
		made(h.admin.RegisterResource(t.Context(), boss, ws, authz.Cluster, id, admin.ResourceSettings{Name: &id, TeamID: &team}))(t)
	}
	k, text := h.mint(func(r *apikey.Request) {
		r.ServiceAccountID, r.Resources = account.ID, authz.Resources{Clusters: []string{"none-of-these"}}
	})
	for _, id := range []string{"eu", "us", "nobodys", "made-up"} {
		h.clock.Advance(time.Minute) // each is an entry of its own
		h.decided("U16", h.verify(gateway, map[string]any{"credential": text, "action": "monitor:read", "resource": map[string]any{"kind": "cluster", "id": id}}), "resource")
	}
	at := map[string]authz.AuditEntry{}
	for _, e := range h.entries("credential.refused") {
		resource, _ := e.Details["resource"].(string)
		at[resource] = e
	}
	for resource, want := range map[string]struct {
		team  authz.TeamID
		cross bool
	}{"cluster:eu": {mine, false}, "cluster:us": {theirs, true}, "cluster:nobodys": {mine, false}, "": {mine, false}} {
		e, ok := at[resource]
		if !ok || e.Team != want.team || e.CrossTeam != want.cross || e.Target != string(k.ID) || e.ActorTeam != mine {
			t.Errorf("at %q: %+v", resource, e)
		}
	}
	if _, kept := at["cluster:made-up"]; kept {
		t.Error("what was made up is kept")
	}
	crossed := made(h.store.ListCrossTeam(t.Context(), issuer, ws, authz.Page{Limit: 100}))(t)
	found := slices.ContainsFunc(crossed, func(e authz.AuditEntry) bool { return e.Type == "credential.refused" && e.Team == theirs })
	if !found {
		t.Errorf("%+v", crossed)
	}
}
