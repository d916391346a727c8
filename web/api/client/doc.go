// Package client is the management API of Gatehouse, /v1, for Go programs. It
// needs the standard library only.
//
//	api, err := client.New(client.Config{
//		URL:        "https://api.uptimepulse.io",
//		Credential: client.APIKey(os.Getenv("UP_API_KEY")),
//	})
//	for key, err := range api.ListKeys(ctx, client.ListKeysParams{Status: "active"}) {
//		…
//	}
//
// Every operation of the API description is a method. What the server refuses
// is an *Error, with the problem document it sent (RFC 9457). In the body of a
// change nil leaves what is there.
//
// A request that may be sent again without harm is, when the server asks to
// wait: for all but one that makes something an Idempotency-Key sees to that,
// which every such call carries.
package client

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 -config internal/generate/oapi-codegen.yaml ../../../docs/api/openapi.yaml
