package app

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// unmap takes the pages of the program's own file off this process, to which
// they come back from the system's copy of it when they are next used. A start
// runs through two thirds of them, and a server that waits needs half of those.
// What was written to, as by a debugger, exists nowhere else and stays.
func unmap() {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	var start, end uintptr // of the mapping that lines are of; 0 for another's
	lines := bufio.NewScanner(bytes.NewReader(maps))
	for lines.Scan() {
		line := lines.Text()
		if fields := strings.Fields(line); len(fields) >= 5 && strings.Contains(fields[0], "-") {
			start, end = 0, 0
			if strings.HasSuffix(line, " "+exe) && strings.HasPrefix(fields[1], "r-") {
				_, _ = fmt.Sscanf(fields[0], "%x-%x", &start, &end)
			}
			continue
		}
		if written, found := strings.CutPrefix(line, "Anonymous:"); found && start < end && strings.TrimSpace(written) == "0 kB" {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, start, end-start, syscall.MADV_DONTNEED)
		}
	}
}
