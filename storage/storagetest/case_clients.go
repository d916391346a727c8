package storagetest

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// clients are the cases of clients, their secrets, and how they register.
func clients() []promise {
	return []promise{
		{"ClientsChangeOnlyFromTheRevisionThatWasRead", testClients},
		{"ClientSecretsOverlapWhileRotated", testClientSecrets},
		{"RegistrationTokensAreUsedAsOftenAsTheySay", testRegistrationTokens},
		{"RegisteredClientsHoldWhatTheyRegistered", testRegistrations},
		{"AWorkspaceHasNoMoreRegisteredClientsThanItMay", testRegistrationRace},
		{"AClientIDThatIsAURLIsOneClientAtEachIssuer", testDocumentClients},
		{"AClientOfOneIssuerIsNoneOfAnothersGrants", testDocumentOfManyIssuers},
	}
}

func testClients(e *env) {
	x := e.tenant()
	got, err := e.GetClient(e.ctx, e.issuer, x.workspace.ID, x.client.ID)
	e.must(err)
	e.same(got, x.client)
	got, err = e.GetClientAcrossWorkspaces(e.ctx, e.issuer, x.client.ID)
	e.must(err)
	e.same(got, x.client)
	e.is(e.CreateClient(e.ctx, x.client, nil), authz.ErrConflict)

	// What is set to its zero value is stored as such.
	changed := got
	changed.Introspect, changed.SkipConsent, changed.Scopes, changed.Environment = false, false, nil, ""
	changed.UpdatedAt = e.now.Add(time.Minute)
	e.must(e.UpdateClient(e.ctx, changed))
	e.is(e.UpdateClient(e.ctx, changed), authz.ErrStale)
	got, err = e.GetClient(e.ctx, e.issuer, x.workspace.ID, x.client.ID)
	e.must(err)
	changed.Revision++
	e.same(got, changed)

	platform := e.client("")
	e.must(e.CreateClient(e.ctx, platform, nil))
	got, err = e.GetClient(e.ctx, e.issuer, "", platform.ID)
	e.must(err)
	e.same(got, platform)
	_, err = e.GetClient(e.ctx, e.issuer, "", x.client.ID)
	e.is(err, authz.ErrNotFound)

	// Deleting goes through the graph, and is not undone by an update.
	ref := authz.NodeRef{Kind: authz.ClientNode, ID: string(x.client.ID)}
	e.moved(e.KillNode(e.ctx, e.issuer, x.workspace.ID, ref, authz.Deleted))
	e.is(e.UpdateClient(e.ctx, changed), authz.ErrStale)
	list, err := e.ListClients(e.ctx, e.issuer, x.workspace.ID, authz.Page{})
	e.must(err)
	if len(list) != 0 {
		e.Fatal("a deleted client is listed")
	}
}

func testClientSecrets(e *env) {
	c := e.client("")
	secret := func(at time.Time) authz.ClientSecret {
		return authz.ClientSecret{ID: authz.NewID("cs"), ClientID: c.ID, Hash: "$argon2id$", Last4: "abcd", CreatedAt: at}
	}
	first := secret(e.now)
	e.must(e.CreateClient(e.ctx, c, &first))
	list, err := e.ListClientSecrets(e.ctx, e.issuer, c.ID, e.now)
	e.must(err)
	e.same(list, []authz.ClientSecret{first})

	rotated := e.now.Add(time.Hour)
	overlap := rotated.Add(72 * time.Hour)
	second := secret(rotated)
	e.must(e.AddClientSecret(e.ctx, e.issuer, second, overlap))
	first.ExpiresAt = overlap
	list, err = e.ListClientSecrets(e.ctx, e.issuer, c.ID, rotated)
	e.must(err)
	e.same(list, []authz.ClientSecret{second, first})
	list, err = e.ListClientSecrets(e.ctx, e.issuer, c.ID, overlap)
	e.must(err)
	e.same(list, []authz.ClientSecret{second})

	// A second rotation never lets an old secret live longer.
	third := secret(rotated.Add(time.Hour))
	e.must(e.AddClientSecret(e.ctx, e.issuer, third, overlap.Add(time.Hour)))
	second.ExpiresAt = overlap.Add(time.Hour)
	list, err = e.ListClientSecrets(e.ctx, e.issuer, c.ID, rotated.Add(time.Hour))
	e.must(err)
	e.same(list, []authz.ClientSecret{third, second, first})

	stray := secret(e.now)
	stray.ClientID = "cl_none"
	e.is(e.AddClientSecret(e.ctx, e.issuer, stray, overlap), authz.ErrNotFound)
	list, err = e.ListClientSecrets(e.ctx, "elsewhere", c.ID, e.now)
	e.must(err)
	if len(list) != 0 {
		e.Fatal("another issuer sees the secrets")
	}
}
