package e2e_test

import (
	"bytes"
	"context"
	"os/exec"
	"testing"
	"time"
)

// said is how a command ended.
type said struct {
	stdout, stderr string
	exit           int
}

// run runs a subcommand on the deployment's configuration.
func (d *deployment) run(t testing.TB, args ...string) said {
	t.Helper()
	return command(t, binary(t), d.env(), append(args, "--config", d.file)...)
}

func command(t testing.TB, path string, env []string, args ...string) said {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.Dir = env, &stdout, &stderr, t.TempDir()
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return said{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

func wantExit(t testing.TB, s said, exit int) {
	t.Helper()
	if s.exit != exit {
		t.Fatalf("exit status %d, want %d\nstdout:\n%s\nstderr:\n%s", s.exit, exit, s.stdout, s.stderr)
	}
}
