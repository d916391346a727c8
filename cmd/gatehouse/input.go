package main

import (
	"io"
	"os"
)

// openInput opens a file named at the command line; "-" is standard input.
func openInput(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	return os.Open(name) //nolint:gosec // the caller's file
}

// readInput reads one whole, of at most so many bytes.
func readInput(name string, longest int64) ([]byte, error) {
	in, err := openInput(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()
	text, err := io.ReadAll(io.LimitReader(in, longest+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > longest {
		return nil, usagef("%s is larger than %d KiB", name, longest>>10)
	}
	return text, nil
}
