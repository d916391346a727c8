package idptest

import (
	"crypto/rand"
	"sync"
	"time"
)

// session is a person's browser at the provider.
type session struct {
	user     User
	authTime time.Time
	id       string // the sid claim
}

// grant is what a code or access token stands for.
type grant struct {
	session
	clientID    string
	redirectURI string
	challenge   string
	nonce       string
	scopes      []string
	askedMaxAge bool
	mfa         bool // a second factor was used
}

// shelf holds values under random names for a while. It holds maxHeld at most.
type shelf[T any] struct {
	life time.Duration
	now  func() time.Time
	mu   sync.Mutex
	held map[string]kept[T]
}

type kept[T any] struct {
	value T
	until time.Time
}

func newShelf[T any](life time.Duration, now func() time.Time) *shelf[T] {
	return &shelf[T]{life: life, now: now, held: map[string]kept[T]{}}
}

// put keeps a value and returns its name: 130 random bits.
func (s *shelf[T]) put(v T) string {
	name := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.held) >= maxHeld {
		s.makeRoom()
	}
	s.held[name] = kept[T]{v, s.now().Add(s.life)}
	return name
}

// makeRoom drops what is over, or else anything.
func (s *shelf[T]) makeRoom() {
	now, before := s.now(), len(s.held)
	for name, k := range s.held {
		if !now.Before(k.until) {
			delete(s.held, name)
		}
	}
	for name := range s.held {
		if len(s.held) < before {
			return
		}
		delete(s.held, name)
	}
}

// get returns the value of a name.
func (s *shelf[T]) get(name string) (T, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.held[name]
	return k.value, ok && s.now().Before(k.until)
}

// take returns the value of a name and forgets it.
func (s *shelf[T]) take(name string) (T, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.held[name]
	delete(s.held, name)
	return k.value, ok && s.now().Before(k.until)
}
