package config

import (
	"embed"
	"fmt"
	"reflect"
)

//go:embed profiles/*.yaml
var profileFiles embed.FS

// Profiles are the names of the built-in profiles.
func Profiles() []string { return []string{"default", "uptimepulse", "statuspulse"} }

// setDefaults fills the issuer from its profile. An unknown profile is left
// to Validate; until then the default one stands in.
func (i *Issuer) setDefaults(peek func(key string) string) {
	name := peek("profile")
	text, err := profileFiles.ReadFile("profiles/" + name + ".yaml")
	if err != nil {
		name = "default"
		text, _ = profileFiles.ReadFile("profiles/default.yaml")
	}
	*i = Issuer{Name: name, Profile: name}
	d := decoder{}
	d.file(text, reflect.ValueOf(i).Elem())
	if len(d.problems) > 0 {
		panic(fmt.Sprintf("config: built-in profile %s: %v", name, d.problems))
	}
}
