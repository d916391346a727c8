// Terraform-provider-gatehouse lets Terraform manage API keys, clients,
// connections and service accounts of a Gatehouse. docs/terraform.md is its
// manual.
package main

import (
	"context"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/gatehouse-auth/gatehouse/cmd/terraform-provider-gatehouse/internal/provider"
)

// version is stamped by the linker.
var version = "dev"

func main() {
	err := providerserver.Serve(context.Background(), provider.New(version), providerserver.ServeOpts{
		Address: "registry.terraform.io/gatehouse-auth/gatehouse",
	})
	if err != nil {
		log.Fatal(err)
	}
}
