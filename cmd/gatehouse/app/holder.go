package app

import (
	"fmt"
	"os"
)

// holder names this process in lease rows.
func (a *App) holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d", host, os.Getpid())
}
