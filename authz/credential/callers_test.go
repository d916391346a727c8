package credential_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit"
)

// registry plays the database of one client, and the hash of its secret.
type registry struct {
	away   atomic.Bool
	hashed atomic.Int64
}

const rightSecret = authz.Secret("right")

func (r *registry) GetClientAcrossWorkspaces(context.Context, authz.IssuerName, authz.ClientID) (authz.Client, error) {
	if r.away.Load() {
		return authz.Client{}, authz.NewError(authz.Unavailable, "temporarily_unavailable", "")
	}
	return authz.Client{ID: "cl_1", AuthMethod: "client_secret_basic", State: authz.Active}, nil
}

func (r *registry) ListClientSecrets(context.Context, authz.IssuerName, authz.ClientID, time.Time) ([]authz.ClientSecret, error) {
	return []authz.ClientSecret{{ClientID: "cl_1"}}, nil
}

func (r *registry) Lineage(_ context.Context, refs []authz.NodeRef) (authz.Lineage, error) {
	return authz.Lineage{{NodeRef: refs[0], State: authz.Active}}, nil
}

func (r *registry) GetWorkspace(context.Context, authz.IssuerName, authz.WorkspaceID) (authz.Workspace, error) {
	return authz.Workspace{}, nil
}

func (r *registry) VerifyMachine(_ context.Context, _ string, text authz.Secret) (match, rehash bool, err error) {
	r.hashed.Add(1)
	time.Sleep(20 * time.Millisecond) // what Argon2id takes
	return text == rightSecret, false, nil
}

func (r *registry) Dummy(context.Context, authz.Secret) error { return nil }

func newCallers(t *testing.T, r *registry) *credential.Callers {
	t.Helper()
	return newCallersUnder(t, r, credential.NewEpochs())
}

func newCallersUnder(t *testing.T, r *registry, epochs *credential.Epochs) *credential.Callers {
	t.Helper()
	guesses, err := ratelimit.New(ratelimit.Config{PerSecond: 1, Burst: 5, Clock: authz.SystemClock{}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := credential.NewCallers(credential.CallersConfig{
		Issuer: "i", Clients: r, Hasher: r, Clock: authz.SystemClock{}, Epochs: epochs,
		Lease: credential.ForeverLease(), Guesses: guesses,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestU0_ManyCallersWithTheRightSecretAreNotTakenForGuessers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &registry{}
		c := newCallers(t, r)
		var group sync.WaitGroup
		for range 64 {
			group.Go(func() {
				if got, err := c.Secret(t.Context(), "cl_1", rightSecret); err != nil || !got.Proven() {
					t.Errorf("Secret = %v", err)
				}
			})
		}
		group.Wait()
		if n := r.hashed.Load(); n != 1 {
			t.Errorf("the secret was hashed %d times, want once", n)
		}
	})
}

func TestManyWrongSecretsAtOnceAreCountedEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &registry{}
		c := newCallers(t, r)
		var refused atomic.Int64
		var group sync.WaitGroup
		for range 64 {
			group.Go(func() {
				_, err := c.Secret(t.Context(), "cl_1", "wrong")
				if authz.KindOf(err) == authz.RateLimited {
					refused.Add(1)
				} else if authz.KindOf(err) != authz.Unauthenticated {
					t.Errorf("Secret = %v", err)
				}
			})
		}
		group.Wait()
		if refused.Load() != 59 || r.hashed.Load() != 5 {
			t.Errorf("%d refused unseen and %d hashed, want 59 and 5", refused.Load(), r.hashed.Load())
		}
	})
}

func TestU0_AskingThroughAnOutageIsNotGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &registry{}
		c := newCallers(t, r)
		r.away.Store(true)
		for range 20 {
			if _, err := c.Secret(t.Context(), "cl_1", rightSecret); authz.KindOf(err) != authz.Unavailable {
				t.Fatalf("without the database Secret = %v", err)
			}
		}
		r.away.Store(false)
		if _, err := c.Secret(t.Context(), "cl_1", rightSecret); err != nil {
			t.Errorf("after the outage Secret = %v", err)
		}
	})
}

func TestAHeaderThatWasRightIsNotTakenApartAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &registry{}
		epochs := credential.NewEpochs()
		c := newCallersUnder(t, r, epochs)
		taken := 0
		read := func(header string) (string, string, bool) {
			taken++
			return strings.Cut(header, " ")
		}
		basic := func(header string) error {
			got, err := c.Basic(t.Context(), header, read)
			if (err == nil) != got.Proven() {
				t.Errorf("Basic = %v, %v", got, err)
			}
			return err
		}
		for range 2 {
			if err := basic("cl_1 right"); err != nil || taken != 1 {
				t.Fatalf("%v; a right header was taken apart %d times", err, taken)
			}
		}
		if epochs.Bump([]authz.NodeRef{authz.ClientRef("", "cl_1")}); basic("cl_1 right") != nil || taken != 2 {
			t.Errorf("a client that moved was believed by its header")
		}
		for _, wrong := range []string{"cl_1 wrong", "cl_1 wrong", " right", "nothing", "cl_1 right "} {
			if authz.KindOf(basic(wrong)) != authz.Unauthenticated {
				t.Errorf("%q was accepted", wrong)
			}
		}
		long := "cl_1 right" + strings.Repeat(" ", 5000)
		taken = 0
		trim := func(header string) (string, string, bool) {
			taken++
			return strings.Cut(strings.TrimSpace(header), " ")
		}
		for range 2 {
			if _, err := c.Basic(t.Context(), long, trim); err != nil {
				t.Fatal(err)
			}
		}
		if taken != 2 {
			t.Error("a header of 5,000 bytes was remembered")
		}
	})
}
