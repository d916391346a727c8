package config

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"
)

var rootKeyID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$`)

func (p *Problems) secrets(s Secrets, driver string) {
	if len(s.RootKeys) > 32 {
		p.add("secrets.root_keys", "must be at most 32")
		return
	}
	if len(s.RootKeys) == 0 && s.GeneratedKeyFile == "" {
		p.add("secrets.root_keys", "must hold at least one key; or, for one process on sqlite, name the file for a generated one in secrets.generated_key_file")
	}
	if len(s.RootKeys) == 0 && s.GeneratedKeyFile != "" && driver == Postgres {
		// Nodes that generate their own cannot read each other's rows.
		p.add("secrets.generated_key_file", "is for sqlite; on postgres every node needs the same secrets.root_keys")
	}
	ids, values := map[string]string{}, map[string]string{}
	for i, k := range s.RootKeys {
		path := index("secrets.root_keys", i)
		if !rootKeyID.MatchString(k.ID) {
			p.add(path+".id", "must be 1 to 32 letters, digits, dots, dashes or underscores")
		}
		p.unique(ids, path+".id", k.ID, "ids are stored beside what they encrypted")
		key, err := k.Bytes()
		if err != nil {
			p.add(path+".value", "%v", err)
			continue
		}
		p.unique(values, path+".value", string(key), "the same key twice is not a rotation")
	}
}

func (p *Problems) foreignKeys(keys []ForeignKey) {
	if len(keys) > 32 {
		p.add("secrets.foreign_hmac_keys", "must be at most 32")
		return
	}
	ids := map[string]string{}
	for i, k := range keys {
		path := index("secrets.foreign_hmac_keys", i)
		if !rootKeyID.MatchString(k.ID) {
			p.add(path+".id", "must be 1 to 32 letters, digits, dots, dashes or underscores")
		}
		p.unique(ids, path+".id", k.ID, "imported keys name them")
		if k.Value.Empty() {
			p.add(path+".value", "is required, here or by value_file")
		}
	}
}

func (p *Problems) webhook(w Webhook) {
	p.prefixes("webhook.allow_private", w.AllowPrivate)
	if w.URL == "" {
		if !w.Secret.Empty() {
			p.add("webhook.url", "is required beside a secret")
		}
		return
	}
	p.endpoint("webhook.url", w.URL)
	text, ok := strings.CutPrefix(w.Secret.Reveal(), "whsec_")
	key, err := base64.StdEncoding.DecodeString(text)
	switch {
	case w.Secret.Empty():
		p.add("webhook.secret", "is required beside a URL, here or by secret_file")
	case !ok || err != nil || len(key) < 24 || len(key) > 64:
		p.add("webhook.secret", "must be whsec_ and the base64 of 24 to 64 random bytes")
	case wellKnown(text) || wellKnown(string(key)) || !varied(key):
		p.add("webhook.secret", "is not random; generate one with: echo whsec_$(openssl rand -base64 32)")
	}
}

// endpoint checks the URL of somebody else's server: it may have a path.
func (p *Problems) endpoint(path, raw string) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" || !secureScheme(u) {
		p.add(path, "must be an https URL (http on loopback hosts only) without user or fragment")
	}
}

func secureScheme(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}
