package web

import (
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// maxRegistration bounds what a client says of itself, in bytes.
const maxRegistration = 64 << 10

// registrationRoutes are there only where clients may register themselves.
func registrationRoutes(s *site) []route {
	if s.Registration == nil {
		return nil
	}
	limit := s.limits.Registration
	return []route{
		{"POST /oauth2/register", s.postRegistration, s.registrationError, protocolRoute, limit},
		{"GET /oauth2/register/{client_id}", s.getRegistration, s.registrationError, protocolRoute, limit},
		{"PUT /oauth2/register/{client_id}", s.putRegistration, s.registrationError, protocolRoute, limit},
		{"DELETE /oauth2/register/{client_id}", s.deleteRegistration, s.registrationError, protocolRoute, limit},
	}
}

// registrationError renders an error of the registration endpoints (RFC 7591
// section 3.2.2, RFC 6750 section 3.1).
func (s *site) registrationError(w http.ResponseWriter, r *http.Request, err error) {
	e, status := classify(err)
	if status != http.StatusUnauthorized {
		oauthError(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("WWW-Authenticate", `Bearer realm="gatehouse"`)
	if e.Code == codeNoBearer {
		w.WriteHeader(status)
	} else {
		h.Set("WWW-Authenticate", `Bearer realm="gatehouse", error="invalid_token"`)
		writeJSON(w, status, map[string]string{"error": e.Code, "error_description": e.Description})
	}
	noteError(r, e)
}

// readMetadata reads a JSON body.
func readMetadata(r *http.Request) ([]byte, error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return nil, authz.NewError(authz.Invalid, "invalid_client_metadata", "The body must be application/json.")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRegistration+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxRegistration {
		return nil, &http.MaxBytesError{Limit: maxRegistration}
	}
	return body, nil
}

// POST /oauth2/register (RFC 7591 section 3.1), with an initial access token
func (s *site) postRegistration(w http.ResponseWriter, r *http.Request) error {
	token, err := headerToken(r)
	if err != nil {
		return err
	}
	body, err := readMetadata(r)
	if err != nil {
		return err
	}
	told, err := s.Registration.Register(r.Context(), token, body)
	if err != nil {
		return s.unauthenticated(r, "registration.refused", "", err)
	}
	noteOf(r).clientID = told.ClientID
	w.Header()["Cache-Control"] = noStore
	writeJSON(w, http.StatusCreated, told)
	return nil
}

// GET /oauth2/register/{client_id} (RFC 7592 section 2.1)
func (s *site) getRegistration(w http.ResponseWriter, r *http.Request) error {
	token, id, err := s.registered(r)
	if err != nil {
		return err
	}
	told, err := s.Registration.Read(r.Context(), id, token)
	if err != nil {
		return s.unauthenticated(r, "registration.refused", string(id), err)
	}
	w.Header()["Cache-Control"] = noStore
	writeJSON(w, http.StatusOK, told)
	return nil
}

// PUT /oauth2/register/{client_id} (RFC 7592 section 2.2)
func (s *site) putRegistration(w http.ResponseWriter, r *http.Request) error {
	token, id, err := s.registered(r)
	if err != nil {
		return err
	}
	body, err := readMetadata(r)
	if err != nil {
		return err
	}
	told, err := s.Registration.Update(r.Context(), id, token, body)
	if err != nil {
		return s.unauthenticated(r, "registration.refused", string(id), err)
	}
	w.Header()["Cache-Control"] = noStore
	writeJSON(w, http.StatusOK, told)
	return nil
}

// DELETE /oauth2/register/{client_id} (RFC 7592 section 2.3)
func (s *site) deleteRegistration(w http.ResponseWriter, r *http.Request) error {
	token, id, err := s.registered(r)
	if err != nil {
		return err
	}
	if err := s.Registration.Delete(r.Context(), id, token); err != nil {
		return s.unauthenticated(r, "registration.refused", string(id), err)
	}
	w.Header()["Cache-Control"] = noStore
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// registered is the client a request is about and the token it came with.
func (s *site) registered(r *http.Request) (authz.Secret, authz.ClientID, error) {
	token, err := headerToken(r)
	if err != nil {
		return "", "", err
	}
	id := plainID(r.PathValue("client_id"))
	noteOf(r).clientID = id
	return token, authz.ClientID(id), nil
}

// headerToken is bearer for requests whose body is no form.
func headerToken(r *http.Request) (authz.Secret, error) {
	if r.URL.RawQuery != "" {
		return "", invalid("This endpoint takes nothing in the query.")
	}
	scheme, token, err := bearer(r)
	if err == nil && !strings.EqualFold(scheme, "Bearer") {
		err = authz.NewError(authz.Unauthenticated, codeNoBearer, "")
	}
	return token, err
}
