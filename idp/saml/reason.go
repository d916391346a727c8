package saml

import "github.com/gatehouse-auth/gatehouse/idp"

// Reasons a message is refused, beside those of package idp. They are stable:
// audit entries carry them. Explain says each in a sentence.
const (
	ReasonForm       = "saml_form"        // form fields missing, repeated or too long
	ReasonRelayState = "saml_relay_state" // another sign-in's RelayState
	ReasonArtifact   = "saml_artifact"    // SAMLart: we never call an upstream for a message
	ReasonTooLarge   = "saml_too_large"
	ReasonEncoding   = "saml_encoding" // base64 or DEFLATE
	ReasonXML        = "saml_xml"
	ReasonDoctype    = "saml_doctype"
	ReasonComment    = "saml_comment"
	ReasonProcInst   = "saml_processing_instruction"
	ReasonDepth      = "saml_depth"
	ReasonElements   = "saml_elements"
	ReasonNamespace  = "saml_namespace"
	ReasonID         = "saml_id"
	ReasonRoot       = "saml_root"
	ReasonAssertions = "saml_assertions" // none, several, or in the wrong place
	ReasonShape      = "saml_shape"      // an element missing, repeated or out of place

	ReasonSignatureShape = "saml_signature_shape"
	ReasonReference      = "saml_reference"
	ReasonAlgorithm      = "saml_algorithm"
	ReasonUnsigned       = "saml_unsigned"
	ReasonSignature      = "saml_signature"
	ReasonCertificate    = "saml_certificate" // expired or not yet valid
	ReasonOpenCipher     = "saml_encrypted_unsigned"
	ReasonDecrypt        = "saml_decrypt"
	ReasonLibrary        = "saml_library" // the second reader disagrees

	ReasonStatus       = "saml_status"
	ReasonVersion      = "saml_version"
	ReasonIssuer       = "saml_issuer"
	ReasonDestination  = "saml_destination"
	ReasonUnsolicited  = "saml_unsolicited"
	ReasonInResponseTo = "saml_in_response_to"
	ReasonIssueInstant = "saml_issue_instant"

	ReasonNameID       = "saml_name_id"
	ReasonConfirmation = "saml_subject_confirmation"
	ReasonRecipient    = "saml_recipient"
	ReasonConditions   = "saml_conditions"
	ReasonAudience     = "saml_audience"
	ReasonNotBefore    = "saml_not_before"
	ReasonExpired      = "saml_not_on_or_after"
	ReasonStatement    = "saml_authn_statement"
	ReasonAuthnInstant = "saml_authn_instant"
	ReasonSessionOver  = "saml_session_over"
	ReasonSubjectRule  = "saml_subject_rule"
	ReasonRequire      = "saml_required_attribute"
	ReasonReplay       = "saml_replay"

	ReasonMetadata        = "saml_metadata"
	ReasonMetadataEntity  = "saml_metadata_entity" // none chosen of several, or not there
	ReasonMetadataExpired = "saml_metadata_expired"
	ReasonMetadataKeys    = "saml_metadata_keys" // no certificate to verify signatures with
	ReasonMetadataURL     = "saml_metadata_url"  // an endpoint that is no https URL

	ReasonLogout = "saml_logout" // a logout message that lacks or repeats something
)

// refuse returns an *idp.Error.
func refuse(reason string, cause error) error { return idp.Refuse(reason, cause) }
