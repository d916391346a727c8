// Package awssecrets writes the text of a key into a secret of AWS Secrets
// Manager, by its official client: PutSecretValue, whose ClientRequestToken makes
// a repetition the same version.
package awssecrets

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Carrier writes to Secrets Manager.
type Carrier struct {
	// Client must refuse addresses nobody may reach from here (idp/outbound).
	Client *http.Client
	// CheckURL says whether a URL may be saved.
	CheckURL func(url string) error
}

// arn is that of a secret, whole or without the six characters at its end: it
// names the account, so that other credentials write nowhere else.
var arn = regexp.MustCompile(`^arn:aws[a-z-]{0,16}:secretsmanager:([a-z0-9-]{1,32}):[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,512}$`)

// accessKey is the id of one.
var accessKey = regexp.MustCompile(`^[A-Za-z0-9]{16,128}$`)

func invalid(member, fault string) error {
	return authz.NewError(authz.Invalid, "invalid_request", member+": "+fault)
}

// Check says what cannot work about a target.
func (c Carrier) Check(t authz.DestinationTarget, s authz.DestinationSecrets) error {
	switch {
	case t.URL != "" && c.CheckURL(t.URL) != nil:
		return invalid("url", "must be an https URL this server may talk to, or absent for the region's own")
	case region(t) == "":
		return invalid("secret_arn", "must be the ARN of a secret; {service_account_id} and {environment} stand for those of the key")
	case !accessKey.MatchString(t.AccessKeyID):
		return invalid("access_key_id", "must be the id of an access key")
	case s.SecretAccessKey == "":
		return invalid("secrets", "give the secret_access_key")
	}
	return nil
}

// region is that of the secret.
func region(t authz.DestinationTarget) string {
	if found := arn.FindStringSubmatch(t.For("x", "x").SecretARN); found != nil {
		return found[1]
	}
	return ""
}

// Carry makes the content the current version of the secret.
func (c Carrier) Carry(ctx context.Context, to authz.Destination, s authz.DestinationSecrets, id string, content []byte) error {
	_, err := c.open(to.Target, s).PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(to.Target.SecretARN), SecretString: aws.String(string(content)), ClientRequestToken: aws.String(token(id)),
	})
	return told(err)
}

// open is a client for one request, of nothing but the customer's.
func (c Carrier) open(t authz.DestinationTarget, s authz.DestinationSecrets) *secretsmanager.Client {
	options := secretsmanager.Options{
		Region: region(t), HTTPClient: c.Client, Retryer: aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: t.AccessKeyID, SecretAccessKey: s.SecretAccessKey.Reveal()}, nil
		}),
	}
	if t.URL != "" {
		options.BaseEndpoint = aws.String(t.URL)
	}
	return secretsmanager.New(options)
}

// Try describes the secret, which is there unless its name goes by the key.
func (c Carrier) Try(ctx context.Context, to authz.Destination, s authz.DestinationSecrets) error {
	named := to.Target.For("sa_test", authz.Live)
	_, err := c.open(named, s).DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(named.SecretARN)})
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); missing && named.SecretARN != to.Target.SecretARN {
		return nil
	}
	return told(err)
}

// token is 64 characters that are the same for every attempt.
func token(id string) string {
	sum := sha256.Sum256([]byte("gatehouse key delivery " + id))
	return hex.EncodeToString(sum[:])
}

// code is what an exception is called.
var code = regexp.MustCompile(`^[A-Za-z]{1,64}$`)

// told is an error without anything that the other side wrote but the name of the
// exception, and without the address.
func told(err error) error {
	if err == nil {
		return nil
	}
	if failed, ok := errors.AsType[smithy.APIError](err); ok && code.MatchString(failed.ErrorCode()) {
		//lint:ignore ST1005 a name
		return fmt.Errorf("Secrets Manager answered %s", failed.ErrorCode()) //nolint:staticcheck // a name
	}
	if answered, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && answered.Response != nil {
		//lint:ignore ST1005 a name
		return fmt.Errorf("Secrets Manager answered %d", answered.HTTPStatusCode()) //nolint:staticcheck // a name
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("asking Secrets Manager: %w", failed.Err)
	}
	return errors.New("asking Secrets Manager failed")
}
