package login

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// Answer sends the browser back to a client with an authorization response: by
// a redirect, or by a form (OAuth 2.0 Form Post Response Mode).
func Answer(w http.ResponseWriter, r *http.Request, pages *ui.Pages, to oauth.Redirect) error {
	if !to.FormPost {
		return seeOther(w, r, to.Location())
	}
	return postOn(w, pages, to.URI, to.Parameters, "the application")
}
