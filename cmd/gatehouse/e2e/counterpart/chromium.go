package counterpart

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

// Browser is one tab of a headless Chromium. Elements are named by their id.
// A step that does not succeed within half a minute fails the test.
type Browser struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	problems []string
}

// Chromium starts a browser with a profile of its own and one empty tab.
func Chromium(t testing.TB) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		storagetest.Missing(t, "Chromium", "run make deps, or install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("no-proxy-server", true))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	return open(t, allocator)
}

// Tab opens another tab of the same browser, with the same cookies.
func (b *Browser) Tab() *Browser {
	b.t.Helper()
	return open(b.t, b.ctx)
}

func open(t testing.TB, parent context.Context) *Browser {
	t.Helper()
	ctx, _ := chromedp.NewContext(parent)
	b := &Browser{t: t, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	t.Cleanup(func() {
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if err := chromedp.Cancel(limited); err != nil {
			t.Logf("closing Chromium: %v", err)
		}
	})
	go b.listen(chromedp.Console(ctx))
	return b
}

func run[T any](b *Browser, what string, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	got, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", what, err, b.scene())
	}
	return got
}

// Navigate opens url and waits until it has loaded.
func (b *Browser) Navigate(url string) { b.t.Helper(); run(b, "open "+url, chromedp.Navigate(url)) }

// WaitFor waits until element id is visible.
func (b *Browser) WaitFor(id string) {
	b.t.Helper()
	run(b, "wait for #"+id, chromedp.WaitVisible(chromedp.ID(id)))
}

// Fill replaces what stands in input id by typing text.
func (b *Browser) Fill(id, text string) {
	b.t.Helper()
	b.WaitFor(id)
	run(b, "select #"+id, chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.getElementById(%q).select()", id)))
	run(b, "fill #"+id, chromedp.SendKeys(chromedp.ID(id), "\b"+text))
}

// Click presses element id.
func (b *Browser) Click(id string) {
	b.t.Helper()
	run(b, "click #"+id, chromedp.Click(chromedp.ID(id)))
}

// Text is the visible text of the first element a CSS selector finds now, and
// empty if there is none: first WaitFor something only the right page has.
func (b *Browser) Text(selector string) string {
	b.t.Helper()
	script := fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector)
	return run(b, "read "+selector, chromedp.Evaluate[string](script))
}

// URL is where the tab is now.
func (b *Browser) URL() string { b.t.Helper(); return run(b, "read the address", chromedp.Location()) }

// Screenshot writes the visible part of the page to file as PNG.
func (b *Browser) Screenshot(file string) {
	b.t.Helper()
	png := run(b, "take a picture", chromedp.CaptureScreenshot())
	if err := os.WriteFile(file, png, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// Context drives the tab with package chromedp itself.
func (b *Browser) Context() context.Context { return b.ctx }
