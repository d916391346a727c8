package idptest

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
)

// authenticate compares in constant time, also when there is no such user.
func authenticate(users []User, login, password string) (User, bool) {
	var found User
	for _, u := range users {
		if u.Login == login {
			found = u
		}
	}
	got, want := sha256.Sum256([]byte(password)), sha256.Sum256([]byte(found.Password))
	same := subtle.ConstantTimeCompare(got[:], want[:]) == 1
	return found, same && found.Password != ""
}

// showLogin renders the form; its action is the request it answers.
func (p *Provider) showLogin(w http.ResponseWriter, r *http.Request, req request, problem string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin") // no-referrer would make the POST's Origin null
	h.Set("X-Frame-Options", "DENY")
	// The redirect's origin is named because Chromium holds form-action
	// against the redirect after the POST as well.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' "+req.origins())
	if problem != "" {
		w.WriteHeader(http.StatusForbidden)
	}
	hint := req.loginHint
	if r.PostForm != nil {
		hint = r.PostForm.Get("username")
	}
	_ = p.page.Execute(w, map[string]any{
		"Title": p.config.Title, "Problem": problem, "Hint": hint,
		"Action": "/authorize?" + r.URL.RawQuery, "Client": req.client.ID,
	})
}

const loginHTML = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main>
<h1>{{.Title}}</h1>
<p>to continue to {{.Client}}</p>
{{with .Problem}}<p id="problem" role="alert">{{.}}</p>{{end}}
<form method="post" action="{{.Action}}">
<label for="username">User name</label>
<input id="username" name="username" value="{{.Hint}}" autocomplete="username" autocapitalize="none" spellcheck="false" required{{if not .Hint}} autofocus{{end}}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required{{if .Hint}} autofocus{{end}}>
<button id="submit" type="submit">Sign in</button>
</form>
</main>
</body>
</html>
`

// GET /style.css
func style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=3600")
	_, _ = w.Write([]byte(loginCSS))
}

const loginCSS = `:root { color-scheme: light dark; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 16px/1.5 system-ui, sans-serif;
  background: light-dark(#eef1f5, #14171c); color: light-dark(#1b2430, #e6eaf0); }
main { width: min(22rem, 100vw - 4rem); padding: 2rem; border-radius: 12px; background: light-dark(#fff, #1e232b);
  box-shadow: 0 1px 3px rgb(0 0 0 / .2); }
h1 { margin: 0; font-size: 1.5rem; }
main > p { margin: .25rem 0 1.25rem; }
#problem { padding: .5rem .75rem; border-left: 4px solid #b3261e; background: light-dark(#fdecea, #3a1f1d); }
label { display: block; margin-bottom: .25rem; font-weight: 600; }
input { box-sizing: border-box; width: 100%; margin-bottom: 1rem; padding: .6rem; font: inherit; border: 1px solid #788; border-radius: 6px; }
button { width: 100%; padding: .7rem; font: inherit; font-weight: 600; color: #fff; background: #2453a6; border: 0; border-radius: 6px; }
button:hover { background: #1b4189; }
:focus-visible { outline: 3px solid #e08a00; outline-offset: 2px; }
`
