package web

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// notes is what handlers learn of a request that the log line should say.
type notes struct {
	clientID    string
	workspaceID string
	grantType   string
	operation   string
	err         *authz.Error
}

type notesKey struct{}

// noteOf returns the request's notes; ones nobody reads outside the ring.
func noteOf(r *http.Request) *notes {
	return noteIn(r.Context())
}

func noteIn(ctx context.Context) *notes {
	if n, ok := ctx.Value(notesKey{}).(*notes); ok {
		return n
	}
	return &notes{}
}

// Note tells the log line of a request served below this package which
// operation it is for, who sent it, and what was wrong; each may be zero.
func Note(ctx context.Context, operation string, by authz.Principal, e *authz.Error) {
	n, ok := ctx.Value(notesKey{}).(*notes)
	if !ok {
		return
	}
	if operation != "" {
		n.operation = operation
	}
	if by.ClientID != "" {
		n.clientID, n.workspaceID = string(by.ClientID), string(by.WorkspaceID)
	}
	if e != nil {
		n.err = e
	}
}

func noteError(r *http.Request, e *authz.Error) { noteOf(r).err = e }

func (n *notes) attrs(attrs []slog.Attr) []slog.Attr {
	if n.operation != "" {
		attrs = append(attrs, slog.String("operation", n.operation))
	}
	if n.clientID != "" {
		attrs = append(attrs, slog.String("client_id", n.clientID))
	}
	if n.workspaceID != "" {
		attrs = append(attrs, slog.String("workspace_id", n.workspaceID))
	}
	if n.grantType != "" {
		attrs = append(attrs, slog.String("grant_type", n.grantType))
	}
	if n.err != nil {
		attrs = append(attrs, slog.String("error", n.err.Code))
		if n.err.Err != nil {
			attrs = append(attrs, slog.String("cause", n.err.Err.Error()))
		}
	}
	return attrs
}
