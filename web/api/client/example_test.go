package client_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

// Make a key for a pipeline, and end those that nobody used for three months.
func Example() {
	ctx := context.Background()
	api, err := client.New(client.Config{
		URL:        "https://api.uptimepulse.io",
		Credential: client.APIKey(os.Getenv("UP_API_KEY")),
	})
	if err != nil {
		log.Fatal(err)
	}

	key, err := api.CreateKey(ctx, client.CreateKeyBody{Name: "ci", Environment: "live", Scopes: []string{"monitor:read"}})
	if err != nil {
		log.Fatal(err) // such as: name: must be at least 1 character (invalid_request)
	}
	fmt.Println(key.ID, key.Key) // the text of a key is in this answer and nowhere else

	for old, err := range api.ListKeys(ctx, client.ListKeysParams{Status: "active", UnusedFor: "P90D"}) {
		if err != nil {
			log.Fatal(err)
		}
		if _, err := api.RevokeKey(ctx, old.ID); err != nil && !client.NotFound(err) {
			log.Fatal(err)
		}
	}
}
