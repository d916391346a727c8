package web

import "net/http"

// POST /oauth2/device_authorization (RFC 8628 section 3.1)
func (s *site) postDeviceAuthorization(w http.ResponseWriter, r *http.Request) error {
	in, err := s.readForm(r)
	if err != nil {
		return err
	}
	n := noteOf(r)
	n.clientID = claimed(r, in.Form)
	resp, err := s.OAuth.DeviceAuthorization(r.Context(), in)
	if err != nil {
		return s.unauthenticated(r, "device.refused", n.clientID, err)
	}
	w.Header()["Cache-Control"] = noStore
	writeJSON(w, http.StatusOK, resp)
	return nil
}
