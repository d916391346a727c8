package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/scope"
)

// Scope is an entry of the issuer's catalogue of scopes.
type Scope struct {
	Name         string   `json:"name"`
	Kind         string   `json:"kind" enum:"client,key" doc:"Whom it is granted to: clients, by people; or API keys."`
	Status       string   `json:"status" enum:"active,retired"`
	BuiltIn      bool     `json:"built_in" doc:"It is in the configuration file, and changed there alone."`
	Description  string   `json:"description"`
	Aliases      []string `json:"aliases" doc:"Other names that keys may be asked for with it; what is kept and answered is the name."`
	PeopleOnly   bool     `json:"people_only"`
	ExplicitOnly bool     `json:"explicit_only"`
}

// Scopes are all there are, with the number of the change that made them so.
type Scopes struct {
	Version int64   `json:"version"`
	Items   []Scope `json:"items"`
}

// ScopesVersion is one change of the scopes.
type ScopesVersion struct {
	Version   int64  `json:"version"`
	Act       string `json:"act"`
	Name      string `json:"name,omitempty"`
	Note      string `json:"note,omitempty"`
	CreatedBy string `json:"created_by"`
	CreatedAt string `json:"created_at"`
}

func viewScope(s authz.Scope) Scope {
	v := Scope{
		Name: s.Name, Kind: string(s.Kind), Status: string(authz.Active), BuiltIn: s.BuiltIn, Description: s.Description,
		Aliases: orEmpty(s.Aliases), PeopleOnly: s.PeopleOnly, ExplicitOnly: s.ExplicitOnly,
	}
	if s.Retired {
		v.Status = "retired"
	}
	return v
}

func scopesAnswer(s *authz.Scopes, err error) (*answer[Scopes], error) {
	if err != nil {
		return nil, err
	}
	all := Scopes{Version: s.Version(), Items: views(s.All(), viewScope)}
	if s.Version() == 0 { // nothing was ever added: there is no revision to name
		return answered(all), nil
	}
	return tagged(all, s.Version()), nil
}

type listScopes struct {
	Version int64 `query:"version" minimum:"0" doc:"As they stood after this change; for the operator."`
}

type createScope struct {
	IfMatch
	Body struct {
		Name         string   `json:"name" maxLength:"128" doc:"Letters, digits and ._:- alone. It is taken for good."`
		Kind         string   `json:"kind" enum:"client,key"`
		Description  string   `json:"description" maxLength:"200" doc:"What people are told that it allows."`
		Aliases      []string `json:"aliases,omitempty" maxItems:"16"`
		PeopleOnly   bool     `json:"people_only,omitempty" doc:"Never given to a key."`
		ExplicitOnly bool     `json:"explicit_only,omitempty" doc:"In no built-in role but the owner's."`
		Note         string   `json:"note,omitempty" maxLength:"200" doc:"Why, for the history."`
	}
}

// ScopePath names a scope.
type ScopePath struct {
	Name string `path:"name" maxLength:"128"`
}

type updateScope struct {
	ScopePath
	IfMatch
	Body struct {
		Description *string   `json:"description,omitempty" maxLength:"200"`
		Aliases     *[]string `json:"aliases,omitempty" maxItems:"16"`
		Note        string    `json:"note,omitempty" maxLength:"200" doc:"Why, for the history."`
	}
}

type retireScope struct {
	ScopePath
	IfMatch
	Body struct {
		Note string `json:"note,omitempty" maxLength:"200" doc:"Why, for the history."`
	}
}

type rollBackScopes struct {
	IfMatch
	Body struct {
		Version int64  `json:"version,omitempty" minimum:"0" doc:"The version to go back to; the one before without it."`
		Note    string `json:"note,omitempty" maxLength:"200" doc:"Why, for the history."`
	}
}

func (a *api) scopeRoutes(h huma.API) {
	register(a, h, http.MethodGet, "/v1/scopes", "list-scopes", "List the scopes of the issuer, the configuration file's first", http.StatusOK, a.listScopes)
	repeatable(a, h, http.MethodPost, "/v1/scopes", "create-scope", "Add a scope", http.StatusCreated, a.createScope)
	register(a, h, http.MethodPatch, "/v1/scopes/{name}", "update-scope", "Change the description and the aliases of a scope", http.StatusOK, a.updateScope)
	repeatable(a, h, http.MethodPost, "/v1/scopes/{name}/retire", "retire-scope", "Give a scope to nobody any more, and take it from whoever holds it", http.StatusOK, a.retireScope)
	repeatable(a, h, http.MethodPost, "/v1/scopes:rollback", "roll-back-scopes", "Make the scopes again what they were", http.StatusOK, a.rollBackScopes)
	register(a, h, http.MethodGet, "/v1/scopes/versions", "list-scope-versions", "List the changes of the scopes, the newest first", http.StatusOK, a.listScopeVersions)
}

func (a *api) listScopes(ctx context.Context, in *listScopes) (*answer[Scopes], error) {
	if in.Version > 0 {
		return scopesAnswer(a.cfg.Scopes.At(ctx, principal(ctx), in.Version))
	}
	return scopesAnswer(a.cfg.Scopes.List(ctx, principal(ctx)))
}

func (a *api) createScope(ctx context.Context, in *createScope) (*answer[Scopes], error) {
	revision, err := in.revision()
	if err != nil {
		return nil, err
	}
	return scopesAnswer(a.cfg.Scopes.Create(ctx, principal(ctx), revision, authz.Scope{
		Name: in.Body.Name, Kind: authz.ScopeKind(in.Body.Kind), Description: in.Body.Description, Aliases: in.Body.Aliases,
		PeopleOnly: in.Body.PeopleOnly, ExplicitOnly: in.Body.ExplicitOnly,
	}, in.Body.Note))
}

func (a *api) updateScope(ctx context.Context, in *updateScope) (*answer[Scopes], error) {
	revision, err := in.revision()
	if err != nil {
		return nil, err
	}
	return scopesAnswer(a.cfg.Scopes.Update(ctx, principal(ctx), revision, in.Name,
		scope.Change{Description: in.Body.Description, Aliases: in.Body.Aliases}, in.Body.Note))
}

func (a *api) retireScope(ctx context.Context, in *retireScope) (*answer[Scopes], error) {
	revision, err := in.revision()
	if err != nil {
		return nil, err
	}
	return scopesAnswer(a.cfg.Scopes.Retire(ctx, principal(ctx), revision, in.Name, in.Body.Note))
}

func (a *api) rollBackScopes(ctx context.Context, in *rollBackScopes) (*answer[Scopes], error) {
	revision, err := in.revision()
	if err != nil {
		return nil, err
	}
	return scopesAnswer(a.cfg.Scopes.Rollback(ctx, principal(ctx), revision, in.Body.Version, in.Body.Note))
}

func (a *api) listScopeVersions(ctx context.Context, in *Paging) (*answer[list[ScopesVersion]], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	below, err := versionBelow(page)
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Scopes.Versions(ctx, principal(ctx), below, page.Rows())
	if err != nil {
		return nil, err
	}
	at := func(v authz.ScopesVersion) authz.Position {
		return authz.Position{CreatedAt: v.CreatedAt, ID: strconv.FormatInt(v.Version, 10)}
	}
	return listed(*in, rows, at, func(v authz.ScopesVersion) ScopesVersion {
		return ScopesVersion{Version: v.Version, Act: v.Act, Name: v.Name, Note: v.Note, CreatedBy: v.CreatedBy, CreatedAt: stamp(v.CreatedAt)}
	}), nil
}
