package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

func newHealthcheck() *cobra.Command {
	var address string
	c := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask a running server on this machine whether it is ready; for containers",
		RunE: func(c *cobra.Command, _ []string) error {
			client := &http.Client{Timeout: 3 * time.Second}
			req, err := http.NewRequestWithContext(c.Context(), http.MethodGet, "http://"+address+"/readyz", nil)
			if err != nil {
				return usagef("--operator must be host:port")
			}
			resp, err := client.Do(req)
			if err != nil {
				return fmt.Errorf("the operator listener at %s does not answer: is the server running?", address)
			}
			defer func() { _ = resp.Body.Close() }()
			if resp.StatusCode != http.StatusOK {
				return fmt.Errorf("the server is not ready (%s)", resp.Status)
			}
			return nil
		},
	}
	c.Flags().StringVar(&address, "operator", "127.0.0.1:9090", "address of the operator listener")
	return c
}
