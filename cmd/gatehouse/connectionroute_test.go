package main

import (
	"reflect"
	"testing"

	"github.com/spf13/cobra"
)

// The name of a group may be a distinguished name, commas and all.
func TestARouteIsOfTheGroupAsItIsNamed(t *testing.T) {
	var f connectionFlags
	c := &cobra.Command{}
	f.register(c)
	if err := c.ParseFlags([]string{"--route", "group:CN=plant,OU=x=saml", "--route", "Plant.example=oidc"}); err != nil {
		t.Fatal(err)
	}
	body, err := f.body()
	want := []map[string]string{{"group": "CN=plant,OU=x", "use": "saml"}, {"domain": "plant.example", "use": "oidc"}}
	if err != nil || !reflect.DeepEqual(body["routes"], want) {
		t.Errorf("%v %v", body["routes"], err)
	}
	several := connectionFlags{routes: []string{"a.example=saml,b.example=saml"}}
	if body, err := several.body(); err == nil {
		t.Errorf("several at once: %v", body["routes"])
	}
}
