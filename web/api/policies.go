package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/access"
)

// maxRules bounds a body that holds a rule set, in bytes: more than the rules
// themselves may take, so that what is wrong can be said.
const maxRules = 2 << 20

// Policy is the conditional access of a workspace as the API tells of it.
type Policy struct {
	ID          string `json:"id"`
	WorkspaceID string `json:"workspace_id" doc:"Empty for the operator's own, which holds in every workspace."`
	Version     int64  `json:"version" doc:"The version in force."`
	Latest      int64  `json:"latest_version"`
	CreatedAt   string `json:"created_at"`
	UpdatedAt   string `json:"updated_at"`
	UpdatedBy   string `json:"updated_by"`
	Note        string `json:"note,omitempty"`
	Rules       *Rules `json:"rules,omitempty"`
}

// PolicyVersion is one version of a policy's rules.
type PolicyVersion struct {
	Version   int64  `json:"version"`
	Count     int    `json:"rule_count"`
	Note      string `json:"note,omitempty"`
	CreatedBy string `json:"created_by"`
	CreatedAt string `json:"created_at"`
	Rules     *Rules `json:"rules,omitempty"`
}

func viewPolicy(p authz.Policy) Policy {
	return Policy{
		ID: string(p.ID), WorkspaceID: string(p.WorkspaceID), Version: p.Version, Latest: p.Latest,
		CreatedAt: stamp(p.CreatedAt), UpdatedAt: stamp(p.UpdatedAt), UpdatedBy: p.UpdatedBy,
	}
}

func viewVersion(v authz.PolicyVersion) PolicyVersion {
	return PolicyVersion{
		Version: v.Version, Count: v.Count, Note: v.Note, CreatedBy: v.CreatedBy, CreatedAt: stamp(v.CreatedAt), Rules: rulesOf(v.Rules),
	}
}

type createPolicy struct {
	Body struct {
		WorkspaceID string `json:"workspace_id,omitempty" maxLength:"64" doc:"The caller's own without it; for the operator, every workspace."`
		Note        string `json:"note,omitempty" maxLength:"200" doc:"Why, for the history."`
		Rules       Rules  `json:"rules"`
	}
}

// PolicyPath names a policy.
type PolicyPath struct {
	ID string `path:"id" maxLength:"64" doc:"pol_…, or the id of a workspace, or own: the caller's, which for the operator is the one that holds everywhere."`
}

type putPolicy struct {
	PolicyPath
	IfMatch
	Body struct {
		Note  string `json:"note,omitempty" maxLength:"200" doc:"Why, for the history."`
		Rules Rules  `json:"rules"`
	}
}

type rollbackPolicy struct {
	PolicyPath
	IfMatch
	Body struct {
		Version int64 `json:"version,omitempty" minimum:"0" doc:"The version to put in force again; the one before without it."`
	}
}

type listPolicies struct {
	Paging
	WorkspaceID string `query:"workspace_id" maxLength:"64" doc:"The caller's own without it; for the operator, every workspace."`
}

type listVersions struct {
	PolicyPath
	Paging
}

type versionPath struct {
	PolicyPath
	Version int64 `path:"version" minimum:"1"`
}

func (a *api) policyRoutes(h huma.API) {
	withRules(a, h, operation(a, h, http.MethodPost, "/v1/policies", "create-policy", "Put the first rules of a workspace in force", http.StatusCreated), a.createPolicy)
	register(a, h, http.MethodGet, "/v1/policies", "list-policies", "List policies", http.StatusOK, a.listPolicies)
	register(a, h, http.MethodGet, "/v1/policies/{id}", "get-policy", "Get a policy with the rules in force", http.StatusOK, a.getPolicy)
	withRules(a, h, operation(a, h, http.MethodPut, "/v1/policies/{id}", "put-policy", "Put other rules in force, as a new version", http.StatusOK), a.putPolicy)
	repeatable(a, h, http.MethodPost, "/v1/policies/{id}/rollback", "rollback-policy", "Put an earlier version in force again", http.StatusOK, a.rollbackPolicy)
	register(a, h, http.MethodGet, "/v1/policies/{id}/versions", "list-policy-versions", "List the versions of a policy, the newest first", http.StatusOK, a.listVersions)
	register(a, h, http.MethodGet, "/v1/policies/{id}/versions/{version}", "get-policy-version", "Get a version of a policy", http.StatusOK, a.getVersion)
	withRules(a, h, operation(a, h, http.MethodPost, "/v1/policies:simulate", "simulate-policies",
		"Ask what rules would say: every rule and every fact is named", http.StatusOK), a.simulate)
}

// withRules adds an operation whose body may hold a rule set. Its answer holds
// no secret.
func withRules[I, O any](a *api, h huma.API, o huma.Operation, handle func(context.Context, *I) (*O, error)) {
	o.MaxBodyBytes, o.Metadata = maxRules, map[string]any{keepsAnswer: true}
	add(a, h, o, handle)
}

func (a *api) createPolicy(ctx context.Context, in *createPolicy) (*answer[Policy], error) {
	return policyAnswer(a.cfg.Access.Create(ctx, principal(ctx), workspaceOr(ctx, in.Body.WorkspaceID),
		access.Draft{Rules: json.RawMessage(in.Body.Rules), Note: in.Body.Note}))
}

func (a *api) listPolicies(ctx context.Context, in *listPolicies) (*answer[list[Policy]], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Access.List(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), page)
	if err != nil {
		return nil, err
	}
	at := func(p authz.Policy) authz.Position {
		return authz.Position{CreatedAt: p.CreatedAt, ID: string(p.ID)}
	}
	return listed(in.Paging, rows, at, viewPolicy), nil
}

func (a *api) getPolicy(ctx context.Context, in *PolicyPath) (*answer[Policy], error) {
	return policyAnswer(a.cfg.Access.Get(ctx, principal(ctx), authz.PolicyID(in.ID)))
}

func (a *api) putPolicy(ctx context.Context, in *putPolicy) (*answer[Policy], error) {
	revision, err := in.revision()
	if err != nil {
		return nil, err
	}
	if revision == 0 {
		return nil, errNoIfMatch
	}
	return policyAnswer(a.cfg.Access.Publish(ctx, principal(ctx), authz.PolicyID(in.ID), revision,
		access.Draft{Rules: json.RawMessage(in.Body.Rules), Note: in.Body.Note}))
}

var errNoIfMatch = authz.NewError(authz.Invalid, "if_match_required", "If-Match: is required, with the ETag of the rules that are replaced.")

func (a *api) rollbackPolicy(ctx context.Context, in *rollbackPolicy) (*answer[Policy], error) {
	revision, err := in.revision()
	if err != nil {
		return nil, err
	}
	return policyAnswer(a.cfg.Access.Rollback(ctx, principal(ctx), authz.PolicyID(in.ID), revision, in.Body.Version))
}

func (a *api) listVersions(ctx context.Context, in *listVersions) (*answer[list[PolicyVersion]], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	below, err := versionBelow(page)
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Access.Versions(ctx, principal(ctx), authz.PolicyID(in.ID), below, page.Rows())
	if err != nil {
		return nil, err
	}
	at := func(v authz.PolicyVersion) authz.Position {
		return authz.Position{CreatedAt: v.CreatedAt, ID: strconv.FormatInt(v.Version, 10)}
	}
	return listed(in.Paging, rows, at, viewVersion), nil
}

// versionBelow is the version that a page of a history goes on below; 0 for the
// first page.
func versionBelow(page authz.Page) (int64, error) {
	if page.After.ID == "" {
		return 0, nil
	}
	below, err := strconv.ParseInt(page.After.ID, 10, 64)
	if err != nil || below <= 0 {
		return 0, errCursor
	}
	return below, nil
}

func (a *api) getVersion(ctx context.Context, in *versionPath) (*answer[PolicyVersion], error) {
	v, err := a.cfg.Access.Version(ctx, principal(ctx), authz.PolicyID(in.ID), in.Version)
	if err != nil {
		return nil, err
	}
	return answered(viewVersion(v)), nil
}

func policyAnswer(p authz.Policy, v authz.PolicyVersion, err error) (*answer[Policy], error) {
	if err != nil {
		return nil, err
	}
	view := viewPolicy(p)
	view.Note, view.Rules = v.Note, rulesOf(v.Rules)
	return tagged(view, p.Revision), nil
}
