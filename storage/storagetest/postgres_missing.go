package storagetest

import (
	"os"
	"strconv"
	"testing"
)

// Missing ends a test that needs something this machine lacks: it is skipped
// with one line that says what and how to get it, or fails when CI=true,
// because there nothing may go untested unnoticed.
func Missing(t testing.TB, what, how string) {
	t.Helper()
	if ci, _ := strconv.ParseBool(os.Getenv("CI")); ci {
		t.Fatalf("%s is missing: %s", what, how)
	}
	t.Skipf("%s is missing: %s", what, how)
}
