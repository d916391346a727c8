package web_test

import (
	"slices"
	"strings"
	"testing"
)

// TN-01, U34: the id of another workspace's key costs what one that nobody has
// does: the same statements, so that time tells nothing either.
func TestTN_01_U34_AnotherTenantsKeyTakesTheStatementsOfNone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		theirs, _ := h.key(h.workspace.ID, "monitor:read")
		_, mine := h.key(h.other().ID, "manage:keys", "monitor:read")
		paths := strings.NewReplacer(string(theirs.ID), unknown(string(theirs.ID)))
		h.manage(mine, "GET", "/v1/auth/keys/"+unknown(string(theirs.ID)), "") // what is read once is read
		h.statements.take()
		for _, r := range [][3]string{
			{"GET", "", ""}, {"PATCH", "", `{"name":"mine"}`}, {"DELETE", "", ""}, {"POST", "/rotate", "{}"}, {"GET", "/rotation", ""},
			{"GET", "/blast-radius", ""}, {"POST", "/deliver", "{}"},
		} {
			path := "/v1/auth/keys/" + string(theirs.ID) + r[1]
			foreign := h.manage(mine, r[0], path, r[2])
			of := h.statements.take()
			none := h.manage(mine, r[0], paths.Replace(path), r[2])
			if ofNone := h.statements.take(); !slices.Equal(of, ofNone) || len(of) == 0 {
				h.Errorf("%s %s: of another's\n%s\nof nobody's\n%s", r[0], r[1], strings.Join(of, "\n"), strings.Join(ofNone, "\n"))
			}
			if foreign.Code != 404 || told(foreign) != told(none) {
				h.Errorf("%s %s: %d %s, %d %s", r[0], r[1], foreign.Code, foreign.Body, none.Code, none.Body)
			}
		}
	})
}
