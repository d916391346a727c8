package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Operator is a person who administers every workspace of the issuer.
type Operator struct {
	ID        string `json:"id"`
	Login     string `json:"login"`
	CreatedBy string `json:"created_by"`
	CreatedAt string `json:"created_at"`
}

func viewOperator(l authz.LocalAccount) Operator {
	return Operator{ID: string(l.UserID), Login: l.Login, CreatedBy: l.CreatedBy, CreatedAt: stamp(l.CreatedAt)}
}

// Operators are those of the issuer.
type Operators struct {
	Items []Operator `json:"items"`
}

type removeOperator struct {
	ID   string `path:"id" maxLength:"64"`
	Last bool   `query:"last" doc:"Remove them though nobody else is left who can sign in as an operator; gatehouse bootstrap makes the next one."`
}

func (a *api) operatorRoutes(h huma.API) {
	register(a, h, http.MethodGet, "/v1/operators", "list-operators", "List operators, at most a hundred; for an operator's key", http.StatusOK,
		func(ctx context.Context, _ *struct{}) (*answer[Operators], error) {
			list, err := a.cfg.Admin.ListOperators(ctx, principal(ctx))
			if err != nil {
				return nil, err
			}
			return answered(Operators{views(list, viewOperator)}), nil
		})
	register(a, h, http.MethodDelete, "/v1/operators/{id}", "remove-operator", "Remove an operator, with all they sign in with and their sessions; API keys stay", http.StatusNoContent,
		func(ctx context.Context, in *removeOperator) (*struct{}, error) {
			return nil, a.cfg.Admin.RemoveOperator(ctx, principal(ctx), authz.UserID(in.ID), in.Last)
		})
}
