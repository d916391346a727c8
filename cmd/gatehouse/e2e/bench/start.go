package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// startTime bounds how long a server may take to answer.
const startTime = 60 * time.Second

// pinSelf replaces this process by itself on one core, once. It reports false
// where there is no second core or no taskset.
func pinSelf(core int) (bool, error) {
	const mark = "BENCH_OF_GATEHOUSE_PINNED"
	if os.Getenv(mark) != "" {
		return true, nil
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil || runtime.NumCPU() < 2 {
		return false, nil //nolint:nilerr // it is a lesser measurement, not a failure
	}
	self, err := os.Executable()
	if err != nil {
		return false, fmt.Errorf("finding this program: %w", err)
	}
	args := append([]string{"taskset", "-c", strconv.Itoa(core), self}, os.Args[1:]...)
	err = syscall.Exec(taskset, args, append(os.Environ(), mark+"=1"))
	return false, fmt.Errorf("pinning to core %d: %w", core, err)
}

// onCore is a command on a core of its own, or on any if core is negative.
// taskset becomes the program, so the process id is the program's.
func onCore(ctx context.Context, core int, program string, args ...string) *exec.Cmd {
	if core >= 0 {
		args = append([]string{"-c", strconv.Itoa(core), program}, args...)
		program = "taskset"
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 15 * time.Second
	return cmd
}

// startFloor starts this program as the floor.
func startFloor(ctx context.Context, o options) (*server, func(), error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("finding this program: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	cmd := onCore(ctx, o.server, self, "-floor")
	stop := func() { cancel(); _ = cmd.Wait() }
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, nil, errors.Join(err, ctx.Err())
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("starting the floor: %w", err)
	}
	issuer, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return nil, nil, fmt.Errorf("starting the floor: %w", err)
	}
	only := client{ID: floorID, Secret: floorSecret}
	s := &server{pid: cmd.Process.Pid, introspector: only, service: only}
	if err := discover(ctx, strings.TrimSpace(issuer), s); err != nil {
		stop()
		return nil, nil, err
	}
	return s, stop, nil
}

// startGatehouse starts a demo for load tests in a directory that goes with it.
func startGatehouse(ctx context.Context, o options) (*server, func(), error) {
	if o.summary != "" {
		s, err := readSummary(o.summary, o.issuer)
		if err != nil {
			return nil, nil, err
		}
		return s, func() {}, discover(ctx, s.Issuer, s)
	}
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return nil, nil, fmt.Errorf("making room for the demo: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	summary, said := filepath.Join(dir, "summary.json"), &strings.Builder{}
	cmd := onCore(ctx, o.server, o.gatehouse, "demo", "--bench", "--dir", filepath.Join(dir, "state"), "--summary", summary)
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, nil, errors.Join(fmt.Errorf("starting %s: %w", o.gatehouse, err), os.RemoveAll(dir))
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	stop := func() { cancel(); <-ended; _ = os.RemoveAll(dir) }
	s, err := waitForSummary(ctx, summary, o.issuer, ended)
	if err != nil {
		stop() // and only then is said ours to read
		return nil, nil, fmt.Errorf("starting %s: %w\n%s", o.gatehouse, err, said)
	}
	s.pid, s.database = cmd.Process.Pid, filepath.Join(dir, "state", "gatehouse.db")
	return s, stop, nil
}

func waitForSummary(ctx context.Context, path, issuer string, ended <-chan struct{}) (*server, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(startTime)
	for {
		select {
		case <-ended:
			return nil, errors.New("it ended")
		case <-late:
			return nil, fmt.Errorf("no summary within %s", startTime)
		case <-tick.C:
		}
		if _, err := os.Stat(path); err != nil {
			continue
		}
		s, err := readSummary(path, issuer)
		if err != nil {
			return nil, err
		}
		return s, discover(ctx, s.Issuer, s)
	}
}
