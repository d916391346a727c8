package delivery_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/delivery"
	"github.com/gatehouse-auth/gatehouse/authz/delivery/awssecrets"
	"github.com/gatehouse-auth/gatehouse/authz/delivery/deliverytest"
	"github.com/gatehouse-auth/gatehouse/authz/delivery/vault"
	"github.com/gatehouse-auth/gatehouse/idp/outbound"
)

func (h *house) stores() {
	client := outbound.NewClient(outbound.Config{AllowPrivate: loopback})
	allowed := func(url string) error { return outbound.CheckURL(url, loopback...) }
	h.carriers[authz.VaultDestination] = vault.Carrier{Client: client, CheckURL: allowed}
	h.carriers[authz.AWSDestination] = awssecrets.Carrier{Client: client, CheckURL: allowed}
}

// A rotation nobody asked for writes the new text into Vault, and into Secrets
// Manager: by the schedule, through an outage, with the very text that works.
func TestS33_ARotationWritesIntoVaultAndIntoSecretsManager(t *testing.T) {
	type store struct {
		settings func(t *testing.T) delivery.Settings
		fail     func(down bool)
		read     func(account authz.ServiceAccountID) map[string]any
		secret   string
		says     string
	}
	for name, open := range map[string]func(t *testing.T) store{
		"Vault": func(t *testing.T) store {
			v := deliverytest.NewVault(t)
			return store{
				secret: v.Token, says: "Vault answered 503",
				settings: func(*testing.T) delivery.Settings {
					return delivery.Settings{
						Kind:    authz.VaultDestination,
						Target:  authz.DestinationTarget{URL: v.URL, Namespace: v.Namespace, Mount: v.Mount, Path: "keys/{environment}/{service_account_id}"},
						Secrets: authz.DestinationSecrets{Token: authz.Secret(v.Token)},
					}
				},
				fail: func(down bool) { v.Fail(map[bool]int{true: 503}[down]) },
				read: func(account authz.ServiceAccountID) map[string]any {
					data, _ := v.Secret("keys/live/" + string(account))
					return data
				},
			}
		},
		"Secrets Manager": func(t *testing.T) store {
			m := deliverytest.NewSecretsManager(t)
			return store{
				secret: m.SecretAccessKey, says: "Secrets Manager answered InternalServiceError",
				settings: func(*testing.T) delivery.Settings {
					return delivery.Settings{
						Kind:    authz.AWSDestination,
						Target:  authz.DestinationTarget{URL: m.URL, SecretARN: m.ARN, AccessKeyID: m.AccessKeyID},
						Secrets: authz.DestinationSecrets{SecretAccessKey: authz.Secret(m.SecretAccessKey)},
					}
				},
				fail: func(down bool) { m.Fail(map[bool]string{true: "InternalServiceError"}[down]) },
				read: func(authz.ServiceAccountID) map[string]any {
					text, _ := m.Current()
					var data map[string]any
					_ = json.Unmarshal([]byte(text), &data)
					return data
				},
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.stores()
			s := open(t)
			in, label := s.settings(t), "a store"
			in.Name = &label
			to, shown, err := h.deliveries.Create(t.Context(), h.operator, h.ws.ID, in)
			h.ok(err)
			if shown != "" {
				t.Error("a signing secret of no webhook")
			}
			old, oldText := h.key(to.ID)
			h.due()
			s.fail(true)
			h.carry()
			p, d := h.rotation(old.ID)
			if d.State != authz.DeliveryPending || d.LastError != s.says || !p.Waits {
				t.Errorf("while it is down: %+v, waits %v", d, p.Waits)
			}
			var dump []byte
			for _, suffix := range []string{"", "-wal"} {
				raw, _ := os.ReadFile(h.path + suffix)
				dump = append(dump, raw...)
			}
			s.fail(false)
			h.clock.Advance(2 * time.Minute)
			h.carry()
			data := s.read(old.ServiceAccountID)
			text, _ := data["key"].(string)
			if by := h.itself(authz.Secret(text)); by.KeyID != p.New.ID || data["key_id"] != string(p.New.ID) || data["predecessor_id"] != string(old.ID) {
				t.Errorf("what is there: %v", data["key_id"])
			}
			if p, d := h.rotation(old.ID); d.State != authz.DeliveryDelivered || p.Waits {
				t.Errorf("delivered: %+v", d)
			}
			for what, secret := range map[string]string{"the key": text, "its secret": text[24:], "what opens the store": s.secret} {
				if bytes.Contains(dump, []byte(secret)) {
					t.Errorf("%s was in the database in the clear", what)
				}
			}
			for _, typ := range []string{"key_destination.created", "api_key.delivered"} {
				for _, e := range h.entries(typ) {
					if raw, _ := json.Marshal(e); strings.Contains(string(raw), s.secret) || strings.Contains(string(raw), text[24:]) {
						t.Errorf("%s tells a secret", typ)
					}
				}
			}
			_, err = h.keys.Rotate(t.Context(), h.itself(oldText), authz.Origin{}, "", old.ID, apikey.Rotation{})
			refused(t, "claiming what was delivered", err, authz.Conflict, "successor_claimed")
		})
	}
}

// The secrets of a destination change; where it is does not, even by them: other
// credentials write to the same place or nowhere.
func TestS33_TheTokenOfAStoreIsReplacedAndTheStoreIsNot(t *testing.T) {
	h := newHouse(t)
	h.stores()
	v := deliverytest.NewVault(t)
	name := "vault"
	to, _, err := h.deliveries.Create(t.Context(), h.operator, h.ws.ID, delivery.Settings{
		Name: &name, Kind: authz.VaultDestination, Secrets: authz.DestinationSecrets{Token: "hvs.expired"},
		Target: authz.DestinationTarget{URL: v.URL, Namespace: v.Namespace, Mount: v.Mount, Path: "a"},
	})
	h.ok(err)
	old, _ := h.key(to.ID)
	h.due()
	h.carry()
	if _, d := h.rotation(old.ID); d.LastError != "Vault answered 403" {
		t.Errorf("%q", d.LastError)
	}
	made(h.deliveries.Update(t.Context(), h.operator, h.ws.ID, to.ID, 0, delivery.Settings{
		Secrets: authz.DestinationSecrets{Token: authz.Secret(v.Token)},
		Target:  authz.DestinationTarget{URL: "https://elsewhere.example", Mount: "elsewhere", Path: "b", Namespace: "c"},
	}))(t)
	h.clock.Advance(2 * time.Minute)
	h.carry()
	if data, n := v.Secret("a"); n != 1 || data["key"] == nil {
		t.Errorf("%d versions", n)
	}
	if _, d := h.rotation(old.ID); d.State != authz.DeliveryDelivered {
		t.Errorf("%+v", d)
	}
}
