package awssecrets_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/delivery/awssecrets"
	"github.com/gatehouse-auth/gatehouse/authz/delivery/deliverytest"
	"github.com/gatehouse-auth/gatehouse/idp/outbound"
)

var loopback = netip.MustParsePrefix("127.0.0.0/8")

func carrier() awssecrets.Carrier {
	return awssecrets.Carrier{
		Client:   outbound.NewClient(outbound.Config{AllowPrivate: []netip.Prefix{loopback}, Timeout: 2 * time.Second}),
		CheckURL: func(url string) error { return outbound.CheckURL(url, loopback) },
	}
}

func target(m *deliverytest.SecretsManager) (authz.Destination, authz.DestinationSecrets) {
	return authz.Destination{Kind: authz.AWSDestination, Target: authz.DestinationTarget{URL: m.URL, SecretARN: m.ARN, AccessKeyID: m.AccessKeyID}},
		authz.DestinationSecrets{SecretAccessKey: authz.Secret(m.SecretAccessKey)}
}

// The key is the current version of the secret; a repetition, and one whose answer
// was lost, is the same version.
func TestS33_AKeyIsWrittenIntoSecretsManagerOnce(t *testing.T) {
	m := deliverytest.NewSecretsManager(t)
	to, s := target(m)
	carry := func(id, text string) error { return carrier().Carry(t.Context(), to, s, id, []byte(text)) }
	m.LoseAnswers(true)
	if err := carry("evt_1", `{"key":"up_live_1"}`); err == nil {
		t.Error("a lost answer is a success")
	}
	m.LoseAnswers(false)
	for range 2 {
		if err := carry("evt_1", `{"key":"up_live_1"}`); err != nil {
			t.Fatal(err)
		}
	}
	if text, n := m.Current(); n != 1 || text != `{"key":"up_live_1"}` {
		t.Errorf("version %d: %s", n, text)
	}
	if err := carry("evt_2", `{"key":"up_live_2"}`); err != nil {
		t.Fatal(err)
	}
	if text, n := m.Current(); n != 2 || text != `{"key":"up_live_2"}` {
		t.Errorf("version %d: %s", n, text)
	}
}

// What the process finds in its environment is the operator's: a customer's
// secret is written with the customer's credentials or not at all.
func TestS33_OnlyTheCustomersCredentialsAreUsed(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAOPERATORSOWNKEY0")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "operators")
	t.Setenv("AWS_REGION", "us-east-1")
	m := deliverytest.NewSecretsManager(t) // fails the test on any other id or region
	to, s := target(m)
	if err := carrier().Carry(t.Context(), to, s, "evt_1", []byte(`{}`)); err != nil {
		t.Error(err)
	}
	s.SecretAccessKey = "wrong"
	if err := carrier().Carry(t.Context(), to, s, "evt_2", []byte(`{}`)); err == nil || err.Error() != "Secrets Manager answered InvalidSignatureException" {
		t.Errorf("with another secret: %v", err)
	}
}

func TestWH_09_NothingSecretsManagerAnswersIsReflected(t *testing.T) {
	m := deliverytest.NewSecretsManager(t)
	to, s := target(m)
	for code, want := range map[string]string{
		"AccessDeniedException": "Secrets Manager answered AccessDeniedException", "ThrottlingException": "Secrets Manager answered ThrottlingException",
		"<script>": "Secrets Manager answered 400",
	} {
		m.Fail(code)
		if err := carrier().Carry(t.Context(), to, s, "evt_1", []byte(`{"key":"up_live_1"}`)); err == nil || err.Error() != want {
			t.Errorf("%s: %v", code, err)
		}
	}
	to.Target.URL = "http://127.0.0.1:1"
	err := carrier().Carry(t.Context(), to, s, "evt_1", []byte(`{"key":"up_live_1"}`))
	for _, word := range []string{"up_live", "AKIA", "arn:"} {
		if err == nil || strings.Contains(err.Error(), word) {
			t.Errorf("an address nobody listens at: %v", err)
		}
	}
}

func TestWH_01_WhatCannotBeASecretIsRefused(t *testing.T) {
	good := authz.DestinationTarget{
		SecretARN: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gatehouse/{service_account_id}-{environment}", AccessKeyID: "AKIAIOSFODNN7EXAMPLE",
	}
	secret := authz.DestinationSecrets{SecretAccessKey: "x"}
	if err := carrier().Check(good, secret); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*authz.DestinationTarget, *authz.DestinationSecrets){
		"a name, which any account has": func(d *authz.DestinationTarget, _ *authz.DestinationSecrets) { d.SecretARN = "gatehouse/backend" },
		"another service":               func(d *authz.DestinationTarget, _ *authz.DestinationSecrets) { d.SecretARN = "arn:aws:s3:::bucket" },
		"a region that is a host": func(d *authz.DestinationTarget, _ *authz.DestinationSecrets) {
			d.SecretARN = strings.Replace(d.SecretARN, "eu-central-1", "evil.example/", 1)
		},
		"an unknown field":  func(d *authz.DestinationTarget, _ *authz.DestinationSecrets) { d.SecretARN += "{name}" },
		"a private address": func(d *authz.DestinationTarget, _ *authz.DestinationSecrets) { d.URL = "https://10.0.0.1" },
		"plain http":        func(d *authz.DestinationTarget, _ *authz.DestinationSecrets) { d.URL = "http://aws.example" },
		"no access key":     func(d *authz.DestinationTarget, _ *authz.DestinationSecrets) { d.AccessKeyID = "" },
		"no secret":         func(_ *authz.DestinationTarget, s *authz.DestinationSecrets) { s.SecretAccessKey = "" },
	} {
		to, s := good, secret
		change(&to, &s)
		if e, ok := errors.AsType[*authz.Error](carrier().Check(to, s)); !ok || e.Kind != authz.Invalid {
			t.Errorf("%s was taken", name)
		}
	}
}

// WH-09: trying Secrets Manager out describes the secret, and writes nothing.
func TestWH_09_ATestOfSecretsManagerWritesNothing(t *testing.T) {
	m := deliverytest.NewSecretsManager(t)
	to, s := target(m)
	if err := carrier().Try(t.Context(), to, s); err != nil {
		t.Error(err)
	}
	if text, versions := m.Current(); text != "" || versions != 0 {
		t.Errorf("it wrote %d versions", versions)
	}
	exact := to.Target.SecretARN
	to.Target.SecretARN = exact + "x"
	if err := carrier().Try(t.Context(), to, s); err == nil || err.Error() != "Secrets Manager answered ResourceNotFoundException" {
		t.Errorf("a secret that is not there: %v", err)
	}
	to.Target.SecretARN = exact + "{service_account_id}"
	if err := carrier().Try(t.Context(), to, s); err != nil {
		t.Errorf("one that goes by the key: %v", err)
	}
	m.Fail("AccessDeniedException")
	if err := carrier().Try(t.Context(), to, s); err == nil || err.Error() != "Secrets Manager answered AccessDeniedException" {
		t.Errorf("refused: %v", err)
	}
}
