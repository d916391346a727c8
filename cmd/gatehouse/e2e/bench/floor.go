package main

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// The floor's one client.
const floorID, floorSecret = "floor", "floor-secret"

// floorAnswer has the size of a typical introspection answer.
const floorAnswer = `{"active":true,"scope":"monitor:read monitor:write alert:read","client_id":"floor",` +
	`"token_type":"Bearer","exp":4102444800,"iat":1767225600,"sub":"sa_0123456789abcdef0123456789",` +
	`"aud":["https://api.example.test"],"iss":"http://127.0.0.1","jti":"0f8fad5bd9cb469fa16570867728950e",` +
	`"credential_type":"access_token"}` + "\n"

// floorHandler is the least that can call itself an authorization server: it
// parses the form, compares the client's secret, and writes a fixed answer.
func floorHandler(issuer string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /introspect", authenticated(func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("token") == "" {
			http.Error(w, `{"error":"invalid_request"}`, http.StatusBadRequest)
			return
		}
		answer(w, floorAnswer)
	}))
	mux.HandleFunc("POST /token", authenticated(func(w http.ResponseWriter, r *http.Request) {
		answer(w, `{"access_token":"`+rand.Text()+`","token_type":"Bearer","expires_in":3600}`)
	}))
	discovery := fmt.Sprintf(`{"issuer":%[1]q,"token_endpoint":"%[1]s/token","introspection_endpoint":"%[1]s/introspect","jwks_uri":"%[1]s/jwks"}`, issuer)
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) { answer(w, discovery) })
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) { answer(w, `{"keys":[]}`) })
	return mux
}

func authenticated(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if id != floorID || subtle.ConstantTimeCompare([]byte(secret), []byte(floorSecret)) != 1 {
			http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		next(w, r)
	}
}

func answer(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, body)
}

// serveFloor prints its issuer URL to out and serves on loopback until in ends.
func serveFloor(in io.Reader, out io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	issuer := "http://" + listener.Addr().String()
	s := &http.Server{Handler: floorHandler(issuer), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		_ = s.Close()
	}()
	if _, err := fmt.Fprintln(out, issuer); err != nil {
		return fmt.Errorf("printing the address: %w", err)
	}
	if err := s.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}
