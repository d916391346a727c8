package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Account is an account as the API tells of it.
type Account struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Status    string `json:"status" enum:"active,suspended,deleted"`
	Revision  int64  `json:"revision"`
	CreatedAt string `json:"created_at"`
}

func viewAccount(a authz.Account) Account {
	return Account{ID: string(a.ID), Name: a.Name, Status: string(a.State), Revision: a.Revision, CreatedAt: stamp(a.CreatedAt)}
}

// AccountName is what somebody decides about an account.
type AccountName struct {
	Name string `json:"name" minLength:"1" maxLength:"200"`
}

type accountPath struct {
	ID string `path:"id" maxLength:"64"`
}

type patchAccount struct {
	ID string `path:"id" maxLength:"64"`
	IfMatch
	Body AccountName
}

func (a *api) accountRoutes(h huma.API) {
	repeatable(a, h, http.MethodPost, "/v1/accounts", "create-account", "Create an account", http.StatusCreated,
		func(ctx context.Context, in *struct{ Body AccountName }) (*answer[Account], error) {
			return oneAccount(a.cfg.Admin.CreateAccount(ctx, principal(ctx), in.Body.Name))
		})
	register(a, h, http.MethodGet, "/v1/accounts", "list-accounts", "List accounts", http.StatusOK, a.listAccounts)
	register(a, h, http.MethodGet, "/v1/accounts/{id}", "get-account", "Get an account", http.StatusOK,
		func(ctx context.Context, in *accountPath) (*answer[Account], error) {
			return oneAccount(a.cfg.Admin.GetAccount(ctx, principal(ctx), authz.AccountID(in.ID)))
		})
	register(a, h, http.MethodPatch, "/v1/accounts/{id}", "update-account", "Rename an account", http.StatusOK,
		func(ctx context.Context, in *patchAccount) (*answer[Account], error) {
			revision, err := in.revision()
			if err != nil {
				return nil, err
			}
			return oneAccount(a.cfg.Admin.RenameAccount(ctx, principal(ctx), authz.AccountID(in.ID), revision, in.Body.Name))
		})
	repeatable(a, h, http.MethodPost, "/v1/accounts/{id}/suspend", "suspend-account", "Suspend an account: everything of its workspaces is inactive at once", http.StatusOK,
		func(ctx context.Context, in *accountPath) (*answer[Account], error) {
			return oneAccount(a.cfg.Admin.SuspendAccount(ctx, principal(ctx), authz.AccountID(in.ID)))
		})
	repeatable(a, h, http.MethodPost, "/v1/accounts/{id}/resume", "resume-account", "Resume an account: keys work again, tokens stay dead", http.StatusOK,
		func(ctx context.Context, in *accountPath) (*answer[Account], error) {
			return oneAccount(a.cfg.Admin.ResumeAccount(ctx, principal(ctx), authz.AccountID(in.ID)))
		})
}

func (a *api) listAccounts(ctx context.Context, in *Paging) (*answer[list[Account]], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Admin.ListAccounts(ctx, principal(ctx), page)
	if err != nil {
		return nil, err
	}
	at := func(a authz.Account) authz.Position { return authz.Position{CreatedAt: a.CreatedAt, ID: string(a.ID)} }
	return listed(*in, rows, at, viewAccount), nil
}

func oneAccount(found authz.Account, err error) (*answer[Account], error) {
	if err != nil {
		return nil, err
	}
	return tagged(viewAccount(found), found.Revision), nil
}
