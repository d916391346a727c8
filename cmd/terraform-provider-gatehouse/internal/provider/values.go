package provider

import (
	"context"
	"regexp"
	"strconv"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// textOf is null for an empty text.
func textOf(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

// timeOf renders a time as the API does; null for none. One that is the same
// moment as what stood there stays as it was written.
func timeOf(t time.Time, prior types.String) types.String {
	if t.IsZero() {
		return types.StringNull()
	}
	if was, err := time.Parse(time.RFC3339Nano, prior.ValueString()); err == nil && was.Truncate(time.Millisecond).Equal(t) {
		return prior
	}
	return types.StringValue(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// timeIn reads an RFC 3339 time; zero for none.
func timeIn(diags *diag.Diagnostics, name string, v types.String) time.Time {
	if v.ValueString() == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, v.ValueString())
	if err != nil {
		diags.AddError(name+" is no time", "Write it as RFC 3339 has it, such as 2027-01-31T00:00:00Z.")
	}
	return t
}

var iso8601 = regexp.MustCompile(`^P(?:(\d{1,5})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,7})M)?(?:(\d{1,9})S)?)?$`)

// span is how long an ISO 8601 duration of weeks and less is; false for another.
func span(s string) (time.Duration, bool) {
	m := iso8601.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	var total time.Duration
	for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi(m[i+1]) // empty is none
		total += time.Duration(n) * unit
	}
	return total, true
}

// durationOf is the server's duration, as it was written if it is as long.
func durationOf(s string, prior types.String) types.String {
	got, ok := span(s)
	was, same := span(prior.ValueString())
	if ok && same && got == was {
		return prior
	}
	return textOf(s)
}

// setOf is a set of what the server has; none is null, unless an empty set stood
// there.
func setOf(list []string, prior types.Set) types.Set {
	if len(list) == 0 && (prior.IsNull() || prior.IsUnknown()) {
		return types.SetNull(types.StringType)
	}
	elements := make([]attr.Value, len(list))
	for i, s := range list {
		elements[i] = types.StringValue(s)
	}
	return types.SetValueMust(types.StringType, elements)
}

// listOf are the texts of a set, never nil: in a change nil leaves what is there.
func listOf(ctx context.Context, diags *diag.Diagnostics, set types.Set) []string {
	list := []string{}
	if set.IsNull() || set.IsUnknown() {
		return list
	}
	diags.Append(set.ElementsAs(ctx, &list, false)...)
	return list
}

// known reports whether the configuration decided on a value.
func known(v attr.Value) bool { return !v.IsNull() && !v.IsUnknown() }

// changed is the planned text if it differs from the state's; nil leaves it.
func changed(plan, state types.String) *string {
	if plan.IsUnknown() || plan.Equal(state) {
		return nil
	}
	return new(plan.ValueString())
}

// changedSet is the planned set if it differs from the state's; nil leaves it.
func changedSet(ctx context.Context, diags *diag.Diagnostics, plan, state types.Set) []string {
	if plan.IsUnknown() || plan.Equal(state) {
		return nil
	}
	return listOf(ctx, diags, plan)
}
