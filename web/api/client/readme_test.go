package client_test

import (
	"os"
	"strings"
	"testing"
)

func TestTheExampleOfTheReadmeIsTheOneThatIsCompiled(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```go\n")
	shown, _, ok := strings.Cut(rest, "```")
	if !ok || !strings.Contains(strings.ReplaceAll(string(compiled), "\n\t", "\n"), shown) {
		t.Error("the example of README.md is not that of example_test.go")
	}
}
