package config

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestEnvironmentOverridesTheFile(t *testing.T) {
	c := mustLoad(t, small,
		"GATEHOUSE_SERVER_OPERATOR_ADDRESS=127.0.0.1:9999",
		"GATEHOUSE_SERVER_TRUSTED_PROXIES=10.0.0.0/8, 192.168.0.0/16",
		"GATEHOUSE_DATABASE_DRIVER=postgres", "GATEHOUSE_DATABASE_DSN=postgres://db/gatehouse",
		"GATEHOUSE_ISSUERS_0_URL=https://login.uptimepulse.test",
		"GATEHOUSE_ISSUERS_1_KEYS_TIERS=gold=6000,silver=3000",
		"GATEHOUSE_ISSUERS_2_PROFILE=default", "GATEHOUSE_ISSUERS_2_URL=https://auth.third.test",
		"GATEHOUSE_LIMITS_LOGIN_PER_ADDRESS_PER_SECOND=0.5", "GATEHOUSE_LIMITS_ENABLED=false",
		"UNRELATED=1")
	if c.Server.Operator.Address != "127.0.0.1:9999" || len(c.Server.TrustedProxies) != 2 {
		t.Errorf("server: %+v", c.Server)
	}
	if c.Database.DSN.Reveal() != "postgres://db/gatehouse" || c.Database.Migrates() {
		t.Errorf("database: %+v", c.Database)
	}
	if len(c.Issuers) != 3 || c.Issuers[0].URL != "https://login.uptimepulse.test" || c.Issuers[2].Keys.Prefix != "gk" {
		t.Errorf("issuers: %+v", c.Issuers)
	}
	if fmt.Sprint(c.Issuers[1].Keys.Tiers) != "map[gold:6000 silver:3000 standard:1200]" {
		t.Errorf("tiers: %v", c.Issuers[1].Keys.Tiers)
	}
	if c.Limits.Enabled || c.Limits.Login.PerAddress.PerSecond != 0.5 {
		t.Errorf("limits: %+v", c.Limits)
	}
}

func TestEnvironmentChoosesTheProfileBeforeTheFileIsLaidOverIt(t *testing.T) {
	c := mustLoad(t, small, "GATEHOUSE_ISSUERS_0_PROFILE=default")
	if c.Issuers[0].Keys.Prefix != "gk" || c.Issuers[0].URL != "https://auth.uptimepulse.test" {
		t.Errorf("issuer: %+v", c.Issuers[0])
	}
}

// Every setting of the types has a variable, and no two share one.
func TestEverySettingHasAVariableOfItsOwn(t *testing.T) {
	seen := map[string]string{}
	var walk func(path string, ty reflect.Type)
	walk = func(path string, ty reflect.Type) {
		switch {
		case !isScalar(ty) && ty.Kind() == reflect.Struct:
			for f := range ty.Fields() {
				if keyOf(f) == "" {
					t.Errorf("%s.%s has no key", path, f.Name)
				}
				walk(join(path, keyOf(f)), f.Type)
			}
		case ty.Kind() == reflect.Slice && !isScalar(ty) && !isScalar(ty.Elem()):
			walk(path+"[0]", ty.Elem())
		default:
			name := envName(path)
			if other, ok := seen[name]; ok {
				t.Errorf("%s and %s are both %s", path, other, name)
			}
			seen[name] = path
			if reserved(name) {
				t.Errorf("%s is reserved", name)
			}
		}
	}
	walk("", reflect.TypeFor[Config]())
	if len(seen) < 80 {
		t.Errorf("only %d settings", len(seen))
	}
}

func TestMisspeltVariablesAreNamed(t *testing.T) {
	_, err := load(t, small, "GATEHOUSE_DATABASE_DRIVR=sqlite", "GATEHOUSE_ISSUERS_7_URL=https://far.test")
	problemAt(t, err, "GATEHOUSE_DATABASE_DRIVR")
	problemAt(t, err, "GATEHOUSE_ISSUERS_7_URL")
}

func TestVariablesOfOthersAreLeftAlone(t *testing.T) {
	mustLoad(t, strings.Replace(small, "ROOT_KEY", "GATEHOUSE_ROOT", 1),
		"GATEHOUSE_ROOT="+rootKey, "GATEHOUSE_API_KEY=gk_live_x", "GATEHOUSE_CONFIG=x", "GATEHOUSE_ISSUER=x", "GATEHOUSE_WORKSPACE_ID=x", "GATEHOUSE_CLIENT_ID=x", "GATEHOUSE_CLIENT_SECRET=x",
		"GATEHOUSE_SERVICE_HOST=10.0.0.1", "GATEHOUSE_SERVICE_PORT_HTTPS=443", "GATEHOUSE_PORT=tcp://10.0.0.1:443",
		"GATEHOUSE_PORT_443_TCP_ADDR=10.0.0.1", "GATEHOUSE_OPERATOR_PORT_9090_TCP=tcp://10.0.0.1:9090")
}

func TestProblemsOfTheEnvironmentNameTheVariableAndNoLine(t *testing.T) {
	_, err := load(t, small+"log: {level: info}\n", "GATEHOUSE_LOG_LEVEL=loud", "GATEHOUSE_SERVER_IDLE_TIMEOUT=long")
	if p := problemAt(t, err, "log.level"); p.Line != 0 {
		t.Errorf("points into the file: %+v", p)
	}
	p := problemAt(t, err, "server.idle_timeout")
	if !strings.Contains(p.Message, "GATEHOUSE_SERVER_IDLE_TIMEOUT") || strings.Contains(p.Message, "long") {
		t.Errorf("message: %s", p.Message)
	}
}

func TestValidationProblemsOfTheFileCarryTheirLine(t *testing.T) {
	_, err := load(t, small+"log: {level: loud}\n")
	if p := problemAt(t, err, "log.level"); p.Line != 7 || p.Column != 14 {
		t.Errorf("%+v", p)
	}
}

func TestMigrationsRunThemselvesOnSQLiteOnly(t *testing.T) {
	for want, environ := range map[bool][]string{
		true:  {"GATEHOUSE_DATABASE_DRIVER=postgres", "GATEHOUSE_DATABASE_DSN=x", "GATEHOUSE_DATABASE_AUTO_MIGRATE=true"},
		false: {"GATEHOUSE_DATABASE_AUTO_MIGRATE=false"},
	} {
		if c := mustLoad(t, small, environ...); c.Database.Migrates() != want || *c.Database.AutoMigrate != want {
			t.Errorf("%v: %+v", environ, c.Database)
		}
	}
}

func TestBlocksAddedByTheEnvironmentStartFromTheirDefaults(t *testing.T) {
	c := mustLoad(t, small, "GATEHOUSE_SERVER_PUBLIC_1_ADDRESS=127.0.0.1:8081",
		"GATEHOUSE_ISSUERS_0_TOKENS_ACCESS_TTL=30m")
	if c.Server.Public[1].TLS.MinVersion != "1.3" || c.Issuers[0].Tokens.AccessTTL != 30*time.Minute {
		t.Errorf("%+v", c.Server.Public)
	}
}
