package counterpart

import (
	"context"

	"github.com/chromedp/chromedp"
)

// listen keeps what a developer would see in red: exceptions, refusals of the
// content security policy, failed requests.
func (b *Browser) listen(messages func(yield func(chromedp.ConsoleMessage, error) bool)) {
	for m, err := range messages {
		if err != nil {
			return
		}
		if m.IsException() || m.Type == chromedp.ConsoleError {
			b.mu.Lock()
			b.problems = append(b.problems, m.Text+" "+m.URL)
			b.mu.Unlock()
		}
	}
}

// Problems returns the errors on the console so far, oldest first.
func (b *Browser) Problems() []string {
	b.Text("body") // a round trip later, earlier messages have arrived
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.problems...)
}

// scene describes the page a step failed on.
func (b *Browser) scene() string {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	where, _ := chromedp.Run(ctx, chromedp.Location())
	page, _ := chromedp.Run(ctx, chromedp.OuterHTML(chromedp.CSS("html")))
	return where + "\n" + page
}
