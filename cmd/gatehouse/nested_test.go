package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Nested modules are for users who do not want the server in their module
// graph: of ours they may require what stands here.
var nestedModules = map[string][]string{
	"../../web/api/client":            nil,
	"../terraform-provider-gatehouse": {module + "web/api/client"},
}

func TestNestedModulesDoNotPullTheServersGraph(t *testing.T) {
	for dir, allowed := range nestedModules {
		cmd := exec.Command("go", "mod", "edit", "-json")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=") // a flag for builds is none for this
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		var file struct {
			Require []struct{ Path string }
		}
		if err := json.Unmarshal(out, &file); err != nil {
			t.Fatal(err)
		}
		for _, r := range file.Require {
			if strings.HasPrefix(r.Path+"/", module) && !slices.Contains(allowed, r.Path) {
				t.Errorf("%s requires %s", dir, r.Path)
			}
		}
		if dir == "../../web/api/client" && len(file.Require) > 0 {
			t.Errorf("%s needs more than the standard library: %v", dir, file.Require)
		}
	}
}
