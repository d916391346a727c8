package web_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// enrolled makes an operator who can sign in, and returns the browser they did
// so in, their id and passkey.
func (h *house) enrolledOperator(login string) (*browser, string) {
	h.Helper()
	b := h.browser()
	if w := b.createKey(b.get(h.invite("", authz.OperatorAccount, login)), "/enrol", newKey()); w.Code != http.StatusOK {
		h.Fatalf("%d %.600s", w.Code, w.Body)
	}
	return b, string(made(h.accounts.Find(h.Context(), "", login))(h).UserID)
}

func (h *house) removesOperator(id string) *httptest.ResponseRecorder {
	return h.manage(h.operator, "DELETE", "/v1/operators/"+id, "")
}

func TestU26_AnOperatorIsRemovedWithAllTheySignInWith(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ann, annID := h.enrolledOperator("ann")
	h.invite("", authz.OperatorAccount, "invited") // and never came
	h.wants("the last who can sign in", h.removesOperator(annID), http.StatusConflict, "last_operator")
	if ann.get("/operator").Code != http.StatusOK || ann.get("/security").Code != http.StatusOK {
		t.Error("a refusal ended her session")
	}
	_, bobID := h.enrolledOperator("bob")
	list := h.manage(h.operator, "GET", "/v1/operators", "")
	if list.Code != http.StatusOK || !strings.Contains(list.Body.String(), annID) || !strings.Contains(list.Body.String(), `"invited"`) {
		t.Fatalf("%d %s", list.Code, list.Body)
	}
	_, key := h.key(h.workspace.ID, "manage:members")
	h.wants("a workspace's key", h.manage(key, "DELETE", "/v1/operators/"+annID, ""), http.StatusForbidden, "operator_required")
	h.wants("a workspace's key", h.manage(key, "GET", "/v1/operators", ""), http.StatusForbidden, "operator_required")
	h.wants("nobody", h.removesOperator("usr_nobody"), http.StatusNotFound, "not_found")

	link := h.invite("", authz.OperatorAccount, "ann")
	fields := ann.get(link)
	if w := h.removesOperator(annID); w.Code != http.StatusNoContent {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := ann.get("/security"); w.Code != http.StatusUnauthorized {
		t.Errorf("a session outlives its operator: %d", w.Code)
	}
	if w := ann.createKey(fields, "/enrol", newKey()); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "enrolment_link_over") {
		t.Errorf("their link: %d %.600s", w.Code, w.Body)
	}
	if held := made(h.factors.Of(t.Context(), "", authz.UserID(annID)))(t); held.Usable() || len(held.Factors) != 0 {
		t.Errorf("%+v", held)
	}
	h.wants("again", h.removesOperator(annID), http.StatusNotFound, "not_found")
	if e := h.entries("local_account.removed"); len(e) != 1 || e[0].Target != annID || e[0].Actor == "" || e[0].Details["login"] != "ann" {
		t.Errorf("audit %+v", e)
	}
	// By its name alone somebody new comes in, who is somebody else.
	if _, again := h.enrolledOperator("ann"); again == annID {
		t.Error("the removed operator is back")
	}
	annID = string(made(h.accounts.Find(t.Context(), "", "ann"))(t).UserID)
	if w := h.removesOperator(annID); w.Code != http.StatusNoContent {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	h.wants("the last", h.removesOperator(bobID), http.StatusConflict, "last_operator")
	if w := h.manage(h.operator, "DELETE", "/v1/operators/"+bobID+"?last=true", ""); w.Code != http.StatusNoContent {
		t.Errorf("the last, said so: %d %s", w.Code, w.Body)
	}
}

func TestU26_TwoOperatorsCannotEachRemoveTheOther(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		for range 8 { // each begins with nobody
			_, one := h.enrolledOperator("one")
			_, two := h.enrolledOperator("two")
			var group sync.WaitGroup
			begin, codes := make(chan struct{}), make(chan string, 2)
			for _, id := range []string{one, two} {
				group.Go(func() {
					<-begin
					codes <- authz.CodeOf(h.accounts.RemoveOperator(h.Context(), authz.OperatorRemoval{UserID: authz.UserID(id), By: "test"}))
				})
			}
			close(begin)
			group.Wait()
			if told := []string{<-codes, <-codes}; !slices.Contains(told, "last_operator") || !slices.Contains(told, authz.CodeOf(nil)) {
				h.Fatalf("answered %q", told)
			}
			for _, left := range made(h.accounts.List(h.Context(), ""))(h) {
				h.ok(h.accounts.RemoveOperator(h.Context(), authz.OperatorRemoval{UserID: left.UserID, By: "test", Last: true}))
			}
		}
	})
}
