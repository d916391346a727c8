package credential

import (
	"unique"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// share makes the texts that many credentials have in common one text in
// memory: a cache of them is then half the size, and the garbage collector
// and the processor's caches have as much less to look through. What belongs
// to one credential alone, such as its jti, is left as it is.
func share(c *authz.Credential) {
	p, in := &c.Principal, &c.Introspection
	one(&p.Issuer)
	one(&p.WorkspaceID)
	one(&p.AccountID)
	one(&p.Subject)
	one(&p.ClientID)
	one(&p.KeyID)
	one(&p.Environment)
	one(&in.Scope)
	one(&in.ClientID)
	one(&in.Sub)
	one(&in.Iss)
	one(&in.WorkspaceID)
	one(&in.AccountID)
	one(&in.Environment)
	one(&in.KeyID)
	one(&in.SID)
	for _, list := range []*[]string{&p.Scopes, &p.AMR, &in.Aud, &in.AMR} {
		*list = append([]string(nil), *list...) // the examiner's may be somebody else's too
		for i := range *list {
			one(&(*list)[i])
		}
	}
}

func one[T ~string](text *T) {
	if *text != "" {
		*text = T(unique.Make(string(*text)).Value())
	}
}
