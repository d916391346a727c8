package api_test

import (
	"context"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/access"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/connection"
	"github.com/gatehouse-auth/gatehouse/authz/delivery"
	"github.com/gatehouse-auth/gatehouse/authz/federation"
	"github.com/gatehouse-auth/gatehouse/authz/scope"
	"github.com/gatehouse-auth/gatehouse/storage"
	"github.com/gatehouse-auth/gatehouse/web"
	"github.com/gatehouse-auth/gatehouse/web/api"
)

var update = flag.Bool("update", false, "rewrite docs/api/openapi.yaml")

const committed = "../../docs/api/openapi.yaml"

func newAPI(t *testing.T) http.Handler {
	t.Helper()
	return refusing(t, authz.NewError(authz.Unauthenticated, "invalid_token", "The credential is not active."))
}

// refusing is an API that lets nobody in.
func refusing(t *testing.T, e *authz.Error) http.Handler {
	t.Helper()
	h, err := api.New(api.Config{
		Admin: &admin.Admin{}, Keys: &apikey.Keys{}, Deliveries: &delivery.Deliveries{}, Access: &access.Access{}, Scopes: &scope.Catalogue{}, Connections: &connection.Connections{}, Federation: &federation.Federation{}, InvitationURL: func(authz.Secret) string { return "" }, JoinURL: func(authz.Secret) string { return "" }, EnrolmentURL: func(authz.Secret) string { return "" }, KeysPath: "/v1/api-keys", Status: web.Status, RetryAfter: web.RetryAfter, Clock: authz.SystemClock{}, Version: "v1", CursorKeys: [][]byte{make([]byte, 32)}, Onces: &storage.Store{},
		Authenticate: func(context.Context, api.Presented) (authz.Principal, error) {
			return authz.Principal{}, e
		},
		Note:    func(context.Context, string, authz.Principal, *authz.Error) {},
		Refused: func(context.Context, string, string, string) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestRL_ARefusalForTooManyRequestsSaysWhenToComeBack(t *testing.T) {
	e := authz.NewError(authz.RateLimited, "rate_limited", "Too many requests; slow down.")
	e.RetryAfter = 1200 * time.Millisecond
	r := httptest.NewRequest(http.MethodGet, "/v1/workspaces", nil)
	r.Header.Set("Authorization", "Bearer x")
	w := httptest.NewRecorder()
	refusing(t, e).ServeHTTP(w, r)
	if h := w.Header(); w.Code != http.StatusTooManyRequests || h.Get("Retry-After") != "2" || h.Get("RateLimit") != `"default";r=0;t=2` {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestTheCommittedDescriptionIsTheServedOne(t *testing.T) {
	w := httptest.NewRecorder()
	newAPI(t).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/openapi.yaml", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d", w.Code)
	}
	if *update {
		if err := os.WriteFile(committed, w.Body.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(committed)
	if err != nil || string(want) != w.Body.String() {
		t.Errorf("docs/api/openapi.yaml is not what the server serves (go test ./web/api -update, then go generate in web/api/client): %v", err)
	}
}

func TestEveryRouteWantsACredentialAndAnswersWithAProblem(t *testing.T) {
	h := newAPI(t)
	for _, target := range []string{"GET /v1/workspaces", "POST /v1/clients", "GET /v1/clients/x", "DELETE /v1/api-keys/x", "POST /v1/api-keys/revoke"} {
		for what, headers := range map[string][2]string{"none": {"X", "x"}, "a bad one": {"Authorization", "Bearer x"}} {
			method, path, _ := strings.Cut(target, " ")
			r := httptest.NewRequest(method, path, nil)
			r.Header.Set(headers[0], headers[1])
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusUnauthorized || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%s with %s: %d %s", target, what, w.Code, w.Header())
			}
		}
	}
}

func TestAnUnknownPathOrMethodIsAProblemToo(t *testing.T) {
	for target, status := range map[string]int{"GET /v1/nothing": http.StatusNotFound, "PUT /v1/clients": http.StatusMethodNotAllowed} {
		method, path, _ := strings.Cut(target, " ")
		w := httptest.NewRecorder()
		newAPI(t).ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if w.Code != status || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", target, w.Code, w.Header())
		}
	}
}
