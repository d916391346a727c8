package main

import (
	"errors"
	"strings"
	"testing"
)

func TestTheKeyOfOneProductIsNeverTakenForAnothers(t *testing.T) {
	for _, c := range []struct{ operator, up, sp, want, refusal string }{
		{"", "", "", "", "no API key"},
		{"", "up_live_a", "", "up_live_a", ""},
		{"", "", "sp_live_b", "sp_live_b", ""},
		{"", "up_live_a", "sp_live_b", "", "several API keys"},
		{"sp_live_b", "up_live_a", "sp_live_b", "sp_live_b", ""},
	} {
		t.Setenv("GATEHOUSE_API_KEY", c.operator)
		t.Setenv("UP_API_KEY", c.up)
		t.Setenv("SP_API_KEY", c.sp)
		got, err := new(remote).key()
		if got != c.want || (err == nil) != (c.refusal == "") {
			t.Errorf("%+v: got %q, %v", c, got, err)
		}
		if err == nil {
			continue
		}
		if _, usage := errors.AsType[*usageError](err); !usage || !strings.Contains(err.Error(), c.refusal) || strings.Contains(err.Error(), "_live_") {
			t.Errorf("%+v: refused with %v", c, err)
		}
	}
}
