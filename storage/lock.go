package storage

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// ErrInUse says that another process, or another Store of this one, has the
// SQLite file open.
var ErrInUse = errors.New("the database is in use by another process")

// lockFile takes the lock for as long as the file stays open. The kernel lets
// go of it when the process dies, however it dies.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator's own path
	if err != nil {
		return nil, fmt.Errorf("storage: opening the lock file: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) //nolint:gosec // a descriptor is small
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errors.Join(fmt.Errorf("storage: %s is locked: %w", path, ErrInUse), f.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("storage: locking %s: %w", path, err), f.Close())
	}
	return f, nil
}
