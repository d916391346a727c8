package provider

import (
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

func TestDecision4_AChallengeSaysWhichSignInWouldDo(t *testing.T) {
	var diags diag.Diagnostics
	refused(&diags, "Creating the API key", &client.Error{
		Problem:   client.Problem{Status: 401, Code: "insufficient_user_authentication", Detail: "A stronger or more recent sign-in is required."},
		Challenge: map[string]string{"acr_values": "http://example.com/mfa", "max_age": "900"},
	}, nil)
	if len(diags) != 1 {
		t.Fatal(diags)
	}
	for _, wanted := range []string{"second factor", "900 seconds", "http://example.com/mfa", "RFC 9470", "issuing delegation"} {
		if !strings.Contains(diags[0].Detail(), wanted) {
			t.Errorf("%q is not in: %s", wanted, diags[0].Detail())
		}
	}
}

func TestARefusalStandsAtTheAttributesItNames(t *testing.T) {
	for _, c := range []struct {
		problem client.Problem
		at      path.Path
	}{
		{client.Problem{Code: "invalid_request", Errors: []client.Detail{{Location: "body.name", Message: "too long"}}}, path.Root("name")},
		{client.Problem{Code: "invalid_request", Errors: []client.Detail{{Location: "body.scopes[2]", Message: "unknown"}}}, path.Root("scopes")},
		{client.Problem{Code: "invalid_request", Detail: "rotation.interval: must be longer than the grace"}, path.Root("rotation_interval")},
		{client.Problem{Code: "invalid_scope", Detail: "There is no such scope."}, path.Root("scopes")},
		{client.Problem{Code: "invalid_request", Errors: []client.Detail{{Location: "body.oidc.issuer", Message: "no"}}}, path.Root("oidc").AtName("issuer")},
	} {
		var diags diag.Diagnostics
		refused(&diags, "It", &client.Error{Problem: c.problem}, keyMembers)
		at, ok := diags[0].(diag.DiagnosticWithPath)
		if !ok || !at.Path().Equal(c.at) {
			t.Errorf("%+v stands at %v", c.problem, diags[0])
		}
	}
	var diags diag.Diagnostics
	refused(&diags, "It", errors.New("no route to host"), nil)
	if diags[0].Summary() != "It failed" {
		t.Error(diags[0])
	}
}

func TestADurationStaysAsItWasWritten(t *testing.T) {
	for text, hours := range map[string]float64{"P13W": 13 * 168, "P1DT2H": 26, "PT30M": 0.5, "P": 0} {
		if d, ok := span(text); !ok || d.Hours() != hours {
			t.Errorf("%s is %v, %t", text, d, ok)
		}
	}
	for _, text := range []string{"", "P1M", "P1Y", "1h", "PT1.5H", "P999999W"} {
		if d, ok := span(text); ok {
			t.Errorf("%q is %v", text, d)
		}
	}
	if got := durationOf("P91D", textOf("P13W")); got != textOf("P13W") {
		t.Error(got)
	}
	if got := durationOf("P90D", textOf("P13W")); got != textOf("P90D") {
		t.Error(got)
	}
}
