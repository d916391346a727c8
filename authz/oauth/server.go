package oauth

import (
	"context"
	"net/http"
	"net/url"

	"github.com/ory/fosite"
	fositeoauth2 "github.com/ory/fosite/handler/oauth2"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Server is the protocol engine of one issuer. It is safe for use by many
// goroutines.
type Server struct {
	cfg      Config
	settings Settings
	store    Store
	clock    authz.Clock
	fosite   *fosite.Fosite
	unitRows *unitStore
	idTokens *idTokenHandler
	revoker  *fositeoauth2.TokenRevocationHandler
	// pushing and starting bound how many requests wait.
	pushing, starting *room
}

// New returns a Server, or says what is missing in cfg.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	units := &unitStore{issuer: cfg.Settings.Name, store: cfg.Store, families: cfg.Families, refreshTTL: cfg.Settings.RefreshTTL}
	s := &Server{cfg: cfg, settings: cfg.Settings, store: cfg.Store, clock: cfg.Clock, unitRows: units}
	s.idTokens = &idTokenHandler{settings: cfg.Settings, signer: cfg.Signer, clock: cfg.Clock, store: cfg.Store}
	s.pushing, s.starting = s.rooms()
	texts := &tokenStrategy{settings: cfg.Settings, scopes: s.Scopes, signer: cfg.Signer, clock: cfg.Clock}
	fc := s.fositeConfig()
	s.fosite = fosite.NewOAuth2Provider(units, fc)
	s.revoker = &fositeoauth2.TokenRevocationHandler{
		TokenRevocationStorage: units, RefreshTokenStrategy: texts, AccessTokenStrategy: texts,
	}

	code := &fositeoauth2.AuthorizeExplicitGrantHandler{
		AccessTokenStrategy: texts, RefreshTokenStrategy: texts, AuthorizeCodeStrategy: texts,
		CoreStorage: units, TokenRevocationStorage: units, Config: fc,
	}
	fc.AuthorizeEndpointHandlers = fosite.AuthorizeEndpointHandlers{code}
	fc.TokenEndpointHandlers = fosite.TokenEndpointHandlers{
		code,
		pkceHandler{},
		&fositeoauth2.ClientCredentialsGrantHandler{
			HandleHelper: &fositeoauth2.HandleHelper{AccessTokenStrategy: texts, AccessTokenStorage: units, Config: fc},
			Config:       fc,
		},
		&refreshHandler{server: s, texts: texts},
		&deviceHandler{server: s, texts: texts},
		s.idTokens,
	}
	fc.TokenIntrospectionHandlers = fosite.TokenIntrospectionHandlers{
		&fositeoauth2.CoreValidator{CoreStrategy: texts, CoreStorage: units, Config: fc},
	}
	fc.RevocationHandlers = fosite.RevocationHandlers{s.revoker}
	return s, nil
}

// fositeConfig sets everything fosite would otherwise default or fill in
// lazily: its getters write to the struct on first use, which is a data race.
func (s *Server) fositeConfig() *fosite.Config {
	return &fosite.Config{
		AccessTokenLifespan:            s.settings.AccessTTL,
		RefreshTokenLifespan:           s.settings.RefreshTTL,
		AuthorizeCodeLifespan:          s.settings.CodeTTL,
		IDTokenLifespan:                s.settings.IDTokenTTL,
		IDTokenIssuer:                  s.settings.URL,
		AccessTokenIssuer:              s.settings.URL,
		RefreshTokenScopes:             []string{},
		MinParameterEntropy:            1,
		OmitRedirectScopeParam:         true,
		ScopeStrategy:                  fosite.ExactScopeStrategy,
		AudienceMatchingStrategy:       fosite.ExactAudienceMatchingStrategy,
		EnforcePKCEForPublicClients:    true,
		EnablePKCEPlainChallengeMethod: false,
		// A registered redirect URI was proven before fosite sees a request.
		RedirectSecureChecker: func(context.Context, *url.URL) bool { return true },
		// Clients are authenticated before fosite sees a request.
		ClientAuthenticationStrategy: func(ctx context.Context, _ *http.Request, _ url.Values) (fosite.Client, error) {
			return unitFrom(ctx).client, nil
		},
		ClientSecretsHasher:          refusingHasher{},
		JWKSFetcherStrategy:          refusingFetcher{},
		TokenEntropy:                 32,
		SanitationWhiteList:          []string{"redirect_uri"},
		ResponseModeHandlerExtension: &fosite.DefaultResponseModeHandler{},
	}
}

// Scopes returns the issuer's scopes as they stand.
func (s *Server) Scopes(ctx context.Context) (*authz.Scopes, error) {
	known, err := s.cfg.Scopes(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	return known, nil
}

// Settings returns the issuer's rules.
func (s *Server) Settings() Settings { return s.settings }

func (s *Server) units() *unitStore { return s.unitRows }
