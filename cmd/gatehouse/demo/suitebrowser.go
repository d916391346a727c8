package demo

import "github.com/gatehouse-auth/gatehouse/idp/idptest"

// The suite opens addresses in a browser of its own, and works the pages by
// what it is told here: tasks, one after the other, each for a page whose
// address matches, each of commands on elements by their ids.

type (
	visit   map[string]any // an address, and the tasks there
	task    map[string]any
	command []any
)

func click(id string) command      { return command{"click", "id", id} }
func fill(id, text string) command { return command{"text", "id", id, text} }

// shown waits for an element that has text, which a field has not, and hands in
// the page where the suite wants to have seen one.
func shown(id, action string) command { return command{"wait", "id", id, 10, `\S`, action} }

func optional(name, match string, commands ...command) task {
	return task{"task": name, "optional": true, "match": match, "commands": commands}
}

// signIn are the pages that may come up between an authorization request and its
// answer.
func (s *suite) signIn(as idptest.User, answer string, before ...command) []task {
	credentials := append(before, fill("username", as.Login), fill("password", as.Password), click("submit"))
	return []task{
		optional("Say who", s.issuer+"/signin*", fill("username", as.Login), click("submit")),
		optional("Sign in", s.upstream.Issuer()+"/authorize*", credentials...),
		optional("Consent", s.issuer+"/consent*", click(answer)),
	}
}

// arrival is the end of what leads back to the suite, by a redirect or a form.
func (s *suite) arrival(path string, commands ...command) []task {
	return []task{
		{"task": "Arrive", "commands": []command{{"wait", "contains", s.url, 10}}},
		{"task": "Verify", "match": s.at(path) + "*", "commands": append([]command{}, commands...)}, // a list, if an empty one
	}
}

func (s *suite) authorize(tasks ...task) visit {
	return visit{"match": s.issuer + "/oauth2/authorize*", "tasks": tasks}
}

func (s *suite) logout(tasks ...task) visit {
	confirm := optional("Confirm", s.issuer+"/oauth2/logout*", command{"click", "id", "confirm", "optional"})
	return visit{"match": s.issuer + "/oauth2/logout*", "tasks": append([]task{confirm}, tasks...)}
}

// signedIn is a whole visit of the authorization endpoint.
func (s *suite) signedIn(before ...command) visit {
	return s.authorize(append(s.signIn(s.person, "allow", before...), s.arrived()...)...)
}

func (s *suite) arrived() []task {
	return s.arrival("/callback", command{"wait", "id", "submission_complete", 10})
}

// browser is how most modules go.
func (s *suite) browser() []visit {
	return []visit{s.signedIn(), s.logout(s.arrival("/post_logout_redirect")...)}
}

// refusedOrTold is the end of a request by a request URI that is not good: a page
// of ours, or the client, where a redirect URI of its own stands beside it.
func (s *suite) refusedOrTold() []task {
	return []task{
		optional("Refused", s.issuer+"/*", shown("error", "update-image-placeholder")),
		optional("Told", s.at("/callback")+"*", command{"wait", "id", "submission_complete", 10}),
	}
}

// overrides are the modules that go otherwise: most end at a page of ours, which
// the suite wants to see.
func (s *suite) overrides() map[string]any {
	all := map[string]any{}
	set := func(modules []string, visits ...visit) {
		for _, name := range modules {
			all[name] = map[string]any{"browser": visits}
		}
	}
	again := s.signedIn(shown("submit", "update-image-placeholder-optional"))
	set([]string{"oidcc-prompt-login", "oidcc-max-age-1"}, again)
	refused := task{"task": "Refused", "match": s.issuer + "/*", "commands": []command{shown("error", "update-image-placeholder")}}
	set([]string{"oidcc-ensure-registered-redirect-uri", "oidcc-ensure-request-object-with-redirect-uri"}, s.authorize(refused))
	set([]string{
		fapi + "par-attempt-to-use-expired-request_uri", fapi + "par-attempt-to-use-request_uri-for-different-client",
	}, s.authorize(s.refusedOrTold()...))
	set([]string{fapi + "par-attempt-reuse-request_uri"}, once(s.signedIn()), s.authorize(s.refusedOrTold()...))
	look := task{"task": "Look", "match": s.upstream.Issuer() + "/*", "commands": []command{{"wait", "id", "username", 10}}}
	// No page is handed in: the suite would take it for the end, and the answer
	// that comes after it for a fault of the run.
	set([]string{fapi + "par-ensure-reused-request-uri-prior-to-auth-completion-succeeds"}, once(s.authorize(look)), s.signedIn())
	// What was allowed once is not asked again, so that somebody else says no.
	set([]string{fapi + "user-rejects-authentication"}, s.authorize(append(s.signIn(s.rejecter, "deny"), s.arrived()...)...))
	bye := task{"task": "Signed out", "match": s.issuer + "/*", "commands": []command{shown("signed_out", "update-image-placeholder")}}
	set([]string{logout + "no-params", logout + "no-post-logout-redirect-uri", logout + "only-state"}, s.signedIn(), s.logout(bye))
	set([]string{
		logout + "bad-post-logout-redirect-uri", logout + "query-added-to-post-logout-redirect-uri", logout + "modified-id-token-hint",
		logout + "bad-id-token-hint", logout + "no-id-token-hint",
	}, s.signedIn(), visit{"match": s.issuer + "/oauth2/logout*", "tasks": []task{refused}})
	return all
}

const (
	fapi   = "fapi2-security-profile-final-"
	logout = "oidcc-rp-initiated-logout-"
)

// once lets a visit be the first of its address only.
func once(v visit) visit {
	v["match-limit"] = 1
	return v
}
