package apikey

import "github.com/gatehouse-auth/gatehouse/authz"

// Drawn is a new text under a tag key.
func Drawn(brand string, env authz.Environment, tagKey []byte) (authz.Secret, error) {
	text, _, err := draw(brand, env, tagKey)
	return text, err
}

// WaitingUses is how many keys wait for their last use to be written down.
func (k *Keys) WaitingUses() int {
	n := 0
	for i := range k.uses.shards {
		n += len(k.uses.shards[i].last)
	}
	return n
}
