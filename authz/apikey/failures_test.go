package apikey

import (
	"strconv"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func TestTheTenthFailureInAMinuteClosesTheDoorUntilTheFirstIsAMinuteOld(t *testing.T) {
	f, start := newFailures(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range failureLimit {
		if wait := f.wait("key_a", start.Add(time.Duration(i)*time.Second)); wait != 0 {
			t.Fatalf("asked to wait %v after %d failures", wait, i)
		}
		f.add("key_a", start.Add(time.Duration(i)*time.Second))
	}
	if wait := f.wait("key_a", start.Add(15*time.Second)); wait != 45*time.Second {
		t.Errorf("asked to wait %v, want 45 s", wait)
	}
	if wait := f.wait("key_b", start.Add(15*time.Second)); wait != 0 {
		t.Errorf("another key waits %v", wait)
	}
	if wait := f.wait("key_a", start.Add(time.Minute)); wait != 0 {
		t.Errorf("asked to wait %v when the first failure is a minute old", wait)
	}
	f.add("key_a", start.Add(time.Minute))
	if wait := f.wait("key_a", start.Add(time.Minute)); wait != time.Second {
		t.Errorf("asked to wait %v after one more, want the 1 s until the second is a minute old", wait)
	}
}

func TestAClockThatStepsBackNeitherForgetsFailuresNorKeepsThemLonger(t *testing.T) {
	f, start := newFailures(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for range failureLimit {
		f.add("key_a", start)
	}
	back := start.Add(-time.Hour)
	if wait := f.wait("key_a", back); wait != failureWindow {
		t.Errorf("an hour earlier it is asked to wait %v, want %v", wait, failureWindow)
	}
	if wait := f.wait("key_a", back.Add(failureWindow)); wait != 0 {
		t.Errorf("a minute later still %v", wait)
	}
	f.add("key_b", start)
	for range failureLimit - 1 {
		f.add("key_b", back)
	}
	if wait := f.wait("key_b", back); wait != failureWindow {
		t.Errorf("failures before and after the step: asked to wait %v", wait)
	}
}

func TestRL_07_TheMemoryOfFailuresIsBounded(t *testing.T) {
	f, now := newFailures(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 3 * failureKeys {
		f.add(authz.KeyID("key_"+strconv.Itoa(i)), now)
		if len(f.byID) > failureKeys {
			t.Fatalf("%d ids remembered", len(f.byID))
		}
	}
	f.add("key_old", now)
	f.makeRoom(now.Add(2 * failureWindow))
	if len(f.byID) != 0 {
		t.Errorf("%d quiet ids remembered", len(f.byID))
	}
}
