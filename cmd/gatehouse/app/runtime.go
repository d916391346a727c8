package app

import (
	"os"
	"runtime"
	"runtime/debug"
)

// gcPercent lets garbage grow to three times what is live before it is
// collected: most of what lives are remembered credentials, and looking through
// all of them for every few thousand requests is a tenth of the processor's
// time. GOGC in the environment overrides it.
const gcPercent = 300

// leastThreads run Go code at once even where there is one processor: while a
// thread waits for the disk to acknowledge a commit, which Go takes for a moment
// of its own work, another one answers. With a single one everybody waits for
// every commit. GOMAXPROCS in the environment overrides it.
const leastThreads = 2

// tuneRuntime sets what is better for this program than Go's defaults.
func tuneRuntime() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) < leastThreads {
		runtime.GOMAXPROCS(leastThreads)
	}
}
