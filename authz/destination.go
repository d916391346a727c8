package authz

import (
	"encoding/json"
	"strings"
	"time"
)

// DestinationID is "dst_…".
type DestinationID string

// NewDestinationID returns an id of its own.
func NewDestinationID() DestinationID { return DestinationID(NewID("dst")) }

// DestinationKind is how the text of a new key is brought to a destination.
type DestinationKind string

// The kinds of destination.
const (
	// WebhookDestination is sent a JWE (RFC 7516) in a signed request.
	WebhookDestination DestinationKind = "webhook"
	// VaultDestination is a secret of a KV version 2 engine of HashiCorp Vault.
	VaultDestination DestinationKind = "vault"
	// AWSDestination is a secret of AWS Secrets Manager.
	AWSDestination DestinationKind = "aws_secrets_manager"
)

// DestinationTarget is where a destination is. Which members it has goes by its
// kind. None of them is a secret.
type DestinationTarget struct {
	// URL is where the webhook is, the address of Vault, or the endpoint of
	// Secrets Manager; empty there means the region's own.
	URL string `json:"url,omitempty"`
	// JWK is the public key a webhook's secrets are encrypted to (RFC 7517).
	JWK json.RawMessage `json:"jwk,omitempty"`
	// Namespace, Mount and Path are of Vault. In Path, and in SecretARN,
	// {service_account_id} and {environment} stand for those of the key.
	Namespace string `json:"namespace,omitempty"`
	Mount     string `json:"mount,omitempty"`
	Path      string `json:"path,omitempty"`
	// RoleID is that of an AppRole; empty where a token is used.
	RoleID string `json:"role_id,omitempty"`
	// SecretARN and AccessKeyID are of Secrets Manager.
	SecretARN   string `json:"secret_arn,omitempty"`
	AccessKeyID string `json:"access_key_id,omitempty"`
}

// For puts a key's own words into where it is brought.
func (t DestinationTarget) For(account ServiceAccountID, env Environment) DestinationTarget {
	words := strings.NewReplacer("{service_account_id}", string(account), "{environment}", string(env))
	t.Path, t.SecretARN = words.Replace(t.Path), words.Replace(t.SecretARN)
	return t
}

// DestinationSecrets are what a destination is spoken to with. Which there are
// goes by its kind.
type DestinationSecrets struct {
	// Signing are the secrets a webhook's requests are signed with, the newest
	// first, at most two.
	Signing []SigningSecret
	// Token is one of Vault, SecretID that of an AppRole.
	Token, SecretID Secret
	// SecretAccessKey is of AWS.
	SecretAccessKey Secret
}

// SigningSecret is "whsec_" and base64, good until it is replaced: zero for now.
type SigningSecret struct {
	Text  Secret
	Until time.Time
}

// Destination is where the texts of keys that replaced others are brought.
type Destination struct {
	ID          DestinationID
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	Name        string
	Kind        DestinationKind
	Target      DestinationTarget
	// Sealed are its secrets, encrypted with a key from outside the database.
	Sealed    []byte
	State     State // active, disabled
	Revision  int64
	CreatedAt time.Time
	CreatedBy string
	UpdatedAt time.Time
}

// KeyDeliveryState is how far a delivery is.
type KeyDeliveryState string

// The states of a delivery.
const (
	DeliveryPending   KeyDeliveryState = "pending"
	DeliveryDelivered KeyDeliveryState = "delivered"
	// DeliveryDead was given up.
	DeliveryDead KeyDeliveryState = "dead"
)

// KeyDelivery is the text of a key that replaced another on its way to a
// destination.
type KeyDelivery struct {
	KeyID       KeyID
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	Predecessor KeyID
	Destination DestinationID
	// EventID stays over all attempts; a receiver knows a repetition by it.
	EventID     string
	State       KeyDeliveryState
	Attempts    int
	NextAttempt time.Time
	LastError   string
	// Payload is what is brought, encrypted; nil once it has arrived, or its time
	// is over.
	Payload     []byte
	CreatedAt   time.Time
	ExpiresAt   time.Time
	DeliveredAt time.Time // zero until it was
}
