package provider

import (
	"errors"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

// advice is what to do about a refusal, by its code.
var advice = map[string]string{
	"issuing_delegation_required": "The credential of the provider may manage, but not make credentials. Give the provider a key that carries an issuing delegation: " +
		"\"gatehouse bootstrap\" makes one that lasts 24 hours. A key without one makes its own successor only.",
	"issuing_delegation_exceeded": "The issuing delegation of the provider's credential does not reach this workspace, or these scopes: nobody grants what they do not hold.",
	"rotation_under_way":          "At most two keys of a line are valid at a time. Wait for the end of the grace, or end it: gatehouse key grace ID --end.",
	"successor_claimed":           "Somebody rotated the key elsewhere and was given the successor's text, which is told once. Take the successor over (terraform import), or revoke it and apply again.",
	"not_tested":                  "Sign in once by every side of the connection: \"gatehouse connection test\" gives the links. Then apply again.",
	"invalid_token":               "Is the key one of this server, and not revoked, expired or disabled?",
	"operator_required":           "This is for the operator of the Gatehouse alone.",
}

// refused says in words what the server did not do, at the attributes it named.
// shown are the attributes of members that have another name here, and of codes
// that speak of one.
func refused(diags *diag.Diagnostics, doing string, err error, shown map[string]string) {
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		diags.AddError(doing+" failed", err.Error())
		return
	}
	if e.Code == "insufficient_user_authentication" {
		diags.AddError(doing+" needs a person who signed in lately", stepUp(e))
		return
	}
	summary, detail := doing+" was refused", e.Error()
	if more := advice[e.Code]; more != "" {
		detail += "\n\n" + more
	}
	members := e.Errors
	if name, _, ok := strings.Cut(e.Detail, ": "); ok && len(members) == 0 && !strings.Contains(name, " ") {
		members = append(members, client.Detail{Location: "body." + name, Message: e.Detail})
	}
	if name := shown[e.Code]; name != "" && len(members) == 0 {
		members = append(members, client.Detail{Location: name})
	}
	if len(members) == 0 {
		diags.AddError(summary, detail)
		return
	}
	for _, m := range members {
		member, _, _ := strings.Cut(strings.TrimPrefix(m.Location, "body."), "[")
		if other := shown[member]; other != "" {
			member = other
		}
		steps := strings.Split(member, ".")
		at := path.Root(steps[0])
		for _, s := range steps[1:] {
			at = at.AtName(s)
		}
		diags.AddAttributeError(at, summary, detail)
	}
}

// stepUp tells of the challenge (RFC 9470) what a person can do.
func stepUp(e *client.Error) string {
	text := e.Detail + " Credentials are made by a person with a second factor"
	if age := e.Challenge["max_age"]; age != "" {
		text += ", at most " + age + " seconds after signing in"
	}
	text += ", or by a key with an issuing delegation that such a person made."
	if acr := e.Challenge["acr_values"]; acr != "" {
		text += "\n\nThe server asks for the authentication context " + acr + " (RFC 9470). Sign in again with it and give the provider the new token, " +
			"or give it a key with an issuing delegation."
	}
	return text
}
