package apikey

// WaitingUses is how many keys wait for their last use to be written down.
func (k *Keys) WaitingUses() int {
	n := 0
	for i := range k.uses.shards {
		n += len(k.uses.shards[i].last)
	}
	return n
}
