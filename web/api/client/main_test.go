package client_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/gatehouse-auth/gatehouse/web/api/client/clienttest"
)

// demo is the Gatehouse of all tests of the package.
var demo *clienttest.Demo

func TestMain(m *testing.M) {
	d, stop, err := clienttest.Launch()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	demo = d
	code := m.Run()
	stop()
	os.Exit(code)
}
