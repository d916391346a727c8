package app

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/config"
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

// maxMetadataFile is more than metadata may have.
const maxMetadataFile = 2 << 20

// configuredSAML is the side of SAML that a configuration describes, or nil.
// What is known of a provider whose metadata is at an address stays as it is:
// it was looked at when it came, and a start must not trust something newer, or
// fail because the provider is away.
func (a *App) configuredSAML(ctx context.Context, c authz.Connection, cfg config.SAML) (*authz.SAMLUpstream, error) {
	if cfg.MetadataFile == "" && cfg.MetadataURL == "" {
		return nil, nil
	}
	upstream, err := a.metadataOf(ctx, c, cfg)
	if err != nil {
		return nil, err
	}
	upstream.MetadataURL, upstream.NameIDFormat, upstream.Subject, upstream.Require = cfg.MetadataURL, cfg.NameIDFormat, cfg.Subject, cfg.Require
	upstream.SignRequests = upstream.WantsSigned || cfg.SignRequests
	upstream.MFAContexts, upstream.MFAMethods, upstream.MFADeclared = cfg.MFAContexts, cfg.MFAMethods, cfg.MFADeclared
	upstream.MutableSubject = cfg.MutableSubject
	c.SAML = upstream
	trial, err := SAMLConfig(a.Issuers[c.Issuer].Config.URL, c)
	if err != nil {
		return nil, err
	}
	trial.Replays, trial.SignRequests = Replays{}, false // the key comes when it is stored
	_, err = saml.New(trial)
	return upstream, err
}

func (a *App) metadataOf(ctx context.Context, c authz.Connection, cfg config.SAML) (*authz.SAMLUpstream, error) {
	if cfg.MetadataFile != "" {
		info, err := os.Stat(cfg.MetadataFile)
		if err != nil {
			return nil, fmt.Errorf("metadata_file: %w", err)
		}
		if info.Size() > maxMetadataFile {
			return nil, errors.New("metadata_file: too large")
		}
		raw, err := os.ReadFile(cfg.MetadataFile)
		if err != nil {
			return nil, fmt.Errorf("metadata_file: %w", err)
		}
		return a.SAMLUpstream(raw, cfg.EntityID)
	}
	held, err := a.store.GetConnectionAcrossWorkspaces(ctx, c.Issuer, c.ID)
	if err != nil && !errors.Is(err, authz.ErrNotFound) {
		return nil, err
	}
	if held.SAML != nil && held.SAML.MetadataURL == cfg.MetadataURL && (cfg.EntityID == "" || held.SAML.EntityID == cfg.EntityID) {
		return held.SAML, nil
	}
	raw, err := saml.FetchMetadata(ctx, a.outside, cfg.MetadataURL)
	if err != nil {
		return nil, fmt.Errorf("metadata_url: %w", err)
	}
	return a.SAMLUpstream(raw, cfg.EntityID)
}
