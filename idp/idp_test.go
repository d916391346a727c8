package idp_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/gatehouse-auth/gatehouse/idp"
)

func TestEvidenceIsProvenByWordNeverByCounting(t *testing.T) {
	mapped := idp.MFARule{ACR: []string{"Multi_Factor"}}
	for _, c := range []struct {
		name      string
		rule      idp.MFARule
		acr, amr  []string
		want      idp.Evidence
		wantWords string
	}{
		{"nothing told", idp.MFARule{}, nil, nil, idp.EvidenceNone, "none"},
		{"two methods are not two factors", idp.MFARule{}, nil, []string{"pwd", "otp"}, idp.EvidenceNone, "none"},
		{"mfa said", idp.MFARule{}, nil, []string{"pwd", "mfa"}, idp.EvidenceProven, "proven"},
		{"acr mapped", mapped, []string{"Multi_Factor"}, nil, idp.EvidenceProven, "proven"},
		{"acr not mapped", mapped, []string{"Single_Factor"}, nil, idp.EvidenceNone, "none"},
		{"an empty acr matches nothing", idp.MFARule{ACR: []string{""}}, []string{""}, nil, idp.EvidenceNone, "none"},
		{"declared", idp.MFARule{Declared: true}, nil, []string{"pwd"}, idp.EvidenceDeclared, "declared"},
		{"proven beats declared", idp.MFARule{Declared: true}, nil, []string{"mfa"}, idp.EvidenceProven, "proven"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.rule.Evidence(c.acr, c.amr)
			if got != c.want || got.String() != c.wantWords {
				t.Errorf("evidence = %v, want %v", got, c.wantWords)
			}
		})
	}
}

func TestReasonSurvivesWrapping(t *testing.T) {
	cause := errors.New("cause")
	err := fmt.Errorf("signing in: %w", idp.Refuse(idp.ReasonNonce, cause))
	if got := idp.ReasonOf(err); got != idp.ReasonNonce {
		t.Errorf("reason = %q", got)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	if got := idp.ReasonOf(cause); got != "" {
		t.Errorf("reason of a stranger = %q", got)
	}
	if idp.Refuse(idp.ReasonState, nil).Error() == "" {
		t.Error("no text without a cause")
	}
}
