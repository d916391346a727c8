package counterpart

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

const lemonldapConf = "/var/lib/lemonldap-ng/conf/lmConf-1.json"

// LemonLDAPParty is who LemonLDAP::NG answers, by both protocols.
type LemonLDAPParty struct {
	ClientID, ClientSecret, RedirectURI string
	EntityID, ACS                       string
}

// LemonLDAP starts Debian's LemonLDAP::NG as OpenID provider and SAML identity
// provider and returns its address; its issuer is that with a slash, and its SAML
// metadata is at /saml/metadata below it. Its demonstration people dwho, rtyler
// and msmith of badwolf.org sign in at its form with their name as password.
func LemonLDAP(t testing.TB, party LemonLDAPParty) string {
	t.Helper()
	const app = "/usr/share/lemonldap-ng/portal/htdocs/index.psgi"
	plackup, err := exec.LookPath("plackup")
	_, missing := os.Stat(app)
	if err != nil || missing != nil || exec.Command("perl", "-MLasso", "-MIO::String", "-MXML::Simple", "-MConvert::PEM", "-e", "1").Run() != nil {
		storagetest.Missing(t, "lemonldap-ng", "run make deps, or install lemonldap-ng, liblasso-perl and what they recommend")
	}
	address, dir := FreeAddress(t), t.TempDir()
	url := "http://" + address
	for _, sub := range []string{"conf", "sessions", "psessions", "cache", "captcha", "notifications"} {
		for _, lock := range []string{"", "lock"} {
			if err := os.MkdirAll(filepath.Join(dir, sub, lock), 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	ini := filepath.Join(dir, "lemonldap-ng.ini")
	for file, text := range map[string]string{
		filepath.Join(dir, "conf", "lmConf-1.json"): lemonldapSettings(t, dir, url, party),
		ini: "[all]\nlogLevel = warn\n[configuration]\ntype = File\ndirName = " + dir + "/conf\nuseLocalConf = 1\n" +
			"[portal]\nstaticPrefix = /static\ntemplateDir = /usr/share/lemonldap-ng/portal/templates\nlanguages = en\n[handler]\nstatus = 0\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return daemon(t, "lemonldap-ng", address, "env", "LLNG_DEFAULTCONFFILE="+ini, plackup, "-E", "deployment", "-s", "HTTP::Server::PSGI", "-o", "127.0.0.1", "-p", portOf(address), app)
}

func portOf(address string) string { return address[len("127.0.0.1:"):] }

// lemonldapSettings is Debian's configuration with what we need switched on.
func lemonldapSettings(t testing.TB, dir, url string, party LemonLDAPParty) string {
	t.Helper()
	raw, err := os.ReadFile(lemonldapConf)
	if err != nil {
		storagetest.Missing(t, "lemonldap-ng", "its configuration cannot be read: "+err.Error())
	}
	var conf map[string]any
	if err := json.Unmarshal(raw, &conf); err != nil {
		t.Fatal(err)
	}
	private, public, certificate := pemKey(t)
	storage := func(name string) map[string]any {
		return map[string]any{
			"Directory": dir + "/" + name, "LockDirectory": dir + "/" + name + "/lock", "generateModule": "Lemonldap::NG::Common::Apache::Session::Generate::SHA256",
		}
	}
	spMetadata := `<?xml version="1.0"?><md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="` + party.EntityID + `">` +
		`<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol" AuthnRequestsSigned="false" WantAssertionsSigned="true">` +
		`<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>` +
		`<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="` + party.ACS + `" index="0" isDefault="true"/>` +
		`</md:SPSSODescriptor></md:EntityDescriptor>`
	for name, value := range map[string]any{
		"portal": url + "/", "domain": "127.0.0.1", "securedCookie": 0, "requireToken": 0, "registerDB": "Null", "passwordDB": "Null", "portalDisplayRegister": 0, "portalDisplayResetPassword": 0, "portalDisplayCertificateResetByMail": 0, "portalDisplayChangePassword": 0, "checkUser": 0, "trustedDomains": "*", "cspFormAction": "*",
		"globalStorageOptions": storage("sessions"), "persistentStorageOptions": storage("psessions"),
		"localSessionStorageOptions": map[string]any{"cache_root": dir + "/cache", "namespace": "test", "default_expires_in": 600, "directory_umask": "007", "cache_depth": 3},
		"notification":               0, "notificationStorageOptions": map[string]any{"dirName": dir + "/notifications"},

		"issuerDBOpenIDConnectActivation": 1, "oidcServiceMetaDataIssuer": url + "/", "oidcServiceAllowAuthorizationCodeFlow": 1,
		"oidcServicePrivateKeySig": private, "oidcServicePublicKeySig": public, "oidcServiceKeyIdSig": "one",
		"oidcRPMetaDataOptions": map[string]any{"rp": map[string]any{
			"oidcRPMetaDataOptionsClientID": party.ClientID, "oidcRPMetaDataOptionsClientSecret": party.ClientSecret, "oidcRPMetaDataOptionsRedirectUris": party.RedirectURI,
			"oidcRPMetaDataOptionsIDTokenSignAlg": "RS256", "oidcRPMetaDataOptionsBypassConsent": 1, "oidcRPMetaDataOptionsIDTokenForceClaims": 1,
		}},
		"oidcRPMetaDataExportedVars": map[string]any{"rp": map[string]any{"email": "mail", "name": "cn", "email_verified": "verified;bool;auto"}},

		"issuerDBSAMLActivation": 1, "samlServicePrivateKeySig": private, "samlServicePublicKeySig": certificate, "samlServiceSignatureMethod": "RSA_SHA256",
		"samlSPMetaDataXML":                map[string]any{"sp": map[string]any{"samlSPMetaDataXML": spMetadata}},
		"samlSPMetaDataOptions":            map[string]any{"sp": map[string]any{"samlSPMetaDataOptionsNameIDFormat": "persistent", "samlSPMetaDataOptionsSignSSOMessage": 1, "samlSPMetaDataOptionsCheckSSOMessageSignature": 0}},
		"samlSPMetaDataExportedAttributes": map[string]any{"sp": map[string]any{"mail": "1;email;;", "cn": "0;displayName;;"}},
	} {
		conf[name] = value
	}
	if macros, ok := conf["macros"].(map[string]any); ok {
		macros["verified"] = "1"
	}
	text, err := json.Marshal(conf)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pemKey is a new RSA key with its public half and a certificate.
func pemKey(t testing.TB) (private, public, certificate string) {
	t.Helper()
	key, err := idptest.NewSAMLKey(time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(key.Signer)
	if err != nil {
		t.Fatal(err)
	}
	publicDER, err := x509.MarshalPKIXPublicKey(key.Signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return encode("PRIVATE KEY", privateDER), encode("PUBLIC KEY", publicDER), encode("CERTIFICATE", key.Certificate.Raw)
}
