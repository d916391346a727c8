package authz

import "time"

// KeyLeak is that an API key was seen where it must not be.
type KeyLeak struct {
	Issuer      IssuerName
	WorkspaceID WorkspaceID // empty for a platform key
	KeyID       KeyID
	// Source is how it became known the first time, such as "report".
	Source  string
	FirstAt time.Time
	// ToldAt is when its people were last told.
	ToldAt  time.Time
	Reports int64
	// DisableAt is when the key is to be disabled; zero for never, or done.
	DisableAt time.Time
}
