package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// GroupRule gives the people of a group at the upstream something.
type GroupRule struct {
	Group       string `json:"group" minLength:"1" maxLength:"200" doc:"As the upstream tells it, exactly."`
	Role        string `json:"role,omitempty" maxLength:"64" doc:"A role, or else a team."`
	Environment string `json:"environment,omitempty" enum:"live,test" doc:"Where the role holds; absent: in both."`
	Team        string `json:"team,omitempty" maxLength:"64"`
}

// GroupRules are what the groups of a connection give.
type GroupRules struct {
	Rules []GroupRule `json:"rules" maxItems:"200"`
}

type putGroupRules struct {
	ConnectionPath
	IfMatch
	Body GroupRules
}

func viewGroupRules(c authz.Connection) GroupRules {
	view := GroupRules{Rules: make([]GroupRule, len(c.Groups))}
	for n, r := range c.Groups {
		view.Rules[n] = GroupRule{Group: r.Group, Role: string(r.Role), Environment: string(r.Environment), Team: string(r.Team)}
	}
	return view
}

func (a *api) groupRoutes(h huma.API) {
	const path = "/v1/connections/{id}/groups"
	register(a, h, http.MethodGet, path, "get-connection-groups", "What people are given by their groups at the upstream", http.StatusOK, a.getGroupRules)
	register(a, h, http.MethodPut, path, "put-connection-groups", "Say what people are given by their groups, from their next sign-in on; what no rule gives any more is taken at once", http.StatusOK, a.putGroupRules)
}

func (a *api) getGroupRules(ctx context.Context, in *ConnectionPath) (*answer[GroupRules], error) {
	c, err := a.cfg.Admin.GetGroupRules(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id())
	if err != nil {
		return nil, err
	}
	return tagged(viewGroupRules(c), c.Revision), nil
}

func (a *api) putGroupRules(ctx context.Context, in *putGroupRules) (*answer[GroupRules], error) {
	revision, err := in.revision()
	if err != nil {
		return nil, err
	}
	rules := make([]authz.GroupRule, len(in.Body.Rules))
	for n, r := range in.Body.Rules {
		rules[n] = authz.GroupRule{Group: r.Group, Role: authz.RoleID(r.Role), Environment: authz.Environment(r.Environment), Team: authz.TeamID(r.Team)}
	}
	c, err := a.cfg.Admin.SetGroupRules(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id(), revision, rules)
	if err != nil {
		return nil, err
	}
	return tagged(viewGroupRules(c), c.Revision), nil
}
