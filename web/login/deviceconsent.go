package login

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// reopenDevice checks a stored request for a device once more.
func (f *Flow) reopenDevice(ctx context.Context, row authz.AuthorizationRequest) (*pending, error) {
	req, err := f.cfg.OAuth.ResumeDevice(ctx, row.ClientID, row.Device, row.ArrivedAt)
	if err != nil {
		return nil, err
	}
	req.ID = row.ID
	return &pending{request: req, row: row}, nil
}

// deviceView is where a device's request came from, as far as we know it
// ourselves: what the device says of itself is a stranger's word.
type deviceView struct {
	Address, When string
	Same          bool // as the person's own address
}

func (f *Flow) deviceView(r *http.Request, req *oauth.AuthorizationRequest) deviceView {
	return deviceView{
		Address: req.Device.IP, Same: req.Device.IP == authz.OriginFrom(r.Context()).IP,
		When: ago(f.cfg.Clock.Now().Sub(req.Device.CreatedAt)),
	}
}

func ago(d time.Duration) string {
	switch minutes := int(d / time.Minute); minutes {
	case 0:
		return "less than a minute ago"
	case 1:
		return "a minute ago"
	default:
		return strconv.Itoa(minutes) + " minutes ago"
	}
}

func (f *Flow) showDeviceConsent(w http.ResponseWriter, r *http.Request, p *pending, scopes []scopeView, person, workspace string) error {
	return f.cfg.Pages.Write(w, http.StatusOK, ui.ConsentPage, map[string]any{
		"Client": p.request.Client.Name, "Request": p.row.ID, "Person": person, "Workspace": workspace,
		"Scopes": scopes, "Device": f.deviceView(r, p.request),
		"Details": f.cfg.OAuth.DetailViews(p.request), "Resources": f.cfg.OAuth.ResourceNames(p.request),
	})
}

// approveDevice lets the device have its tokens. What was allowed on a device
// is not remembered for the client's other flows.
func (f *Flow) approveDevice(w http.ResponseWriter, r *http.Request, p *pending, a oauth.Approval) error {
	a.Remember = false
	if err := f.cfg.OAuth.ApproveDevice(r.Context(), p.request, a); err != nil {
		return err
	}
	return f.deviceDone(w, "approved")
}

func (f *Flow) deviceDone(w http.ResponseWriter, step string) error {
	return f.cfg.Pages.Write(w, http.StatusOK, ui.DevicePage, map[string]any{"Step": step})
}
