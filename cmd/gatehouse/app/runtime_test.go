package app

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// A second thread comes with a commit and goes when there is none for a while.
func TestASecondThreadIsThereWhileThereIsSomethingToCommit(t *testing.T) {
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	t.Setenv("GOMAXPROCS", "")
	synctest.Test(t, func(t *testing.T) {
		a := newAside()
		go a.watch(t.Context())
		for range 2 {
			if a.committing(); runtime.GOMAXPROCS(0) != 2 {
				t.Fatal("a commit holds everybody up")
			}
			if time.Sleep(asideLasts + asideLasts/4); runtime.GOMAXPROCS(0) != 2 {
				t.Fatal("it went a second after a commit")
			}
			if time.Sleep(2 * asideLasts); runtime.GOMAXPROCS(0) != 1 {
				t.Fatal("it stayed")
			}
		}
	})
	t.Setenv("GOMAXPROCS", "1")
	a := newAside()
	if a.committing(); runtime.GOMAXPROCS(0) != 1 {
		t.Fatal("the environment was overruled")
	}
}
