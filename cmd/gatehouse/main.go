// Command gatehouse is a standalone OAuth 2.0 and OpenID Connect authorization
// server with API keys and enterprise sign-in, in one binary.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// version is set when a release is built.
var version = "dev"

func main() { os.Exit(run(os.Args[1:])) }

// run returns the exit status: 0 done, 1 failed, 2 usage.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "gatehouse:", oneLine(err))
	if _, wrong := errors.AsType[*usageError](err); wrong {
		return 2
	}
	return 1
}

// oneLine is an error as one line; problems of a configuration have one each.
func oneLine(err error) string {
	if _, several := errors.AsType[problemList](err); several {
		return err.Error()
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}
