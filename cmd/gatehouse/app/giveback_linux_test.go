package app

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// What the start ran through of the program is not held on to, and what was
// written to is: the test goes on.
func TestWhatOnlyTheStartNeededIsGivenBack(t *testing.T) {
	before := mapped(t)
	giveBack()
	if after := mapped(t); after >= before {
		t.Errorf("%d kB of files are mapped, %d kB before", after, before)
	}
}

// mapped is how much of files this process has in its memory, in kB.
func mapped(t *testing.T) (kilobytes int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "RssFile: %d kB", &kilobytes); err == nil {
			return kilobytes
		}
	}
	t.Fatal("the system does not say how much is mapped")
	return 0
}
