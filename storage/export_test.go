package storage

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"net/url"
	"runtime"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Rows are the models, one for each table that GORM writes to.
func Rows() []any {
	return []any{
		accountRow{}, workspaceRow{}, userRow{}, upstreamIdentityRow{}, memberRow{}, connectionRow{}, connectionDomainRow{},
		serviceAccountRow{}, clientRow{}, clientSecretRow{}, registrationTokenRow{}, registrationRow{}, apiKeyRow{}, keyClaimRow{}, keyPolicyRow{}, destinationRow{}, keyDeliveryRow{}, keyCallerRow{}, delegationRow{}, sessionRow{}, grantRow{},
		authorizationCodeRow{}, accessTokenRow{}, refreshTokenRow{}, consentRow{}, authorizationRequestRow{}, signingKeyRow{},
		auditRow{}, outboxRow{}, pushedRequestRow{}, replayRow{}, deviceCodeRow{}, onceRow{}, upstreamRefreshRow{}, connectionMetadataRow{}, setupLinkRow{}, joinLinkRow{}, keyLeakRow{}, keyLeakSourceRow{}, overrideRow{}, circuitRow{},
		invitationRow{}, teamRow{}, teamMemberRow{}, roleRow{}, roleBindingRow{}, resourceRow{}, clientRevisionRow{}, connectionRevisionRow{},
		policyRow{}, policyVersionRow{}, policyDecisionRow{}, importedKeyRow{}, scopesVersionRow{},
		factorRow{}, recoveryCodeRow{}, attemptsRow{}, localAccountRow{}, enrolmentRow{},
	}
}

// HotStatements are the lookups made for every request or poll.
func HotStatements() map[string]string {
	var one []authz.NodeRef
	for kind := range nodesFrom {
		one = append(one, authz.NodeRef{Kind: kind})
	}
	byNode, _, _ := nodeByNode(one)
	return map[string]string{
		"access token": accessTokenWithLineage, "authorization code": authorizationCodeWithLineage,
		"refresh token": refreshTokenWithLineage, "grant": grantWithLineage, "api key": apiKeyWithLineage,
		"session": sessionWithLineage, "lineage": lineageOf, "node by node": byNode, "upstream identity": memberByUpstream, "domain": connectionByDomain,
		"pending devices": pendingDevices, "waiting pushed requests": waitingPushed, "waiting requests": waitingRequests,
		"rules in force": rulesInForce,
	}
}

// Reading and Writing are the two handles.
func (s *Store) Reading(ctx context.Context) *gorm.DB { return s.reading.WithContext(ctx) }
func (s *Store) Writing(ctx context.Context) *gorm.DB { return s.writing.WithContext(ctx) }

// AwaitLine returns once n wait for SQLite's writer.
func (s *Store) AwaitLine(n int) {
	for len(s.writes.waiting) < n {
		runtime.Gosched()
	}
}

// AwaitNoLine waits until the writer is through with those who waited, and with
// the places of those who no longer do.
func (s *Store) AwaitNoLine() {
	for len(s.writes.waiting) > 0 {
		runtime.Gosched()
	}
}

// OpenKeeping opens a SQLite database whose one connection keeps statements;
// kept says how many.
func OpenKeeping(path string) (db *sql.DB, kept func() int, err error) {
	k, err := newKeepingStatements(sqliteDSN(path, url.Values{}))
	if err != nil {
		return nil, nil, err
	}
	db = sql.OpenDB(k)
	db.SetMaxOpenConns(1)
	return db, func() (n int) {
		c, err := db.Conn(context.Background())
		if err != nil {
			return -1
		}
		defer c.Close()
		_ = c.Raw(func(of any) error { n = len(of.(*keepingConn).kept); return nil })
		return n
	}, nil
}

// How many wait at most, and how many of them are served together.
const (
	MaxQueue    = maxQueue
	MaxTogether = maxTogether
)

// Waiting is how many wait for a connection.
func (s *Store) Waiting() int64 { return s.gate.waiting.Load() }

// MigrationText is the text of the one migration of that name.
func MigrationText(driver, name string) (string, error) {
	found, err := fs.Glob(migrations, "migrations/"+driver+"/*_"+name+".sql")
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("migrations of the name %s: %v %w", name, found, err)
	}
	text, err := fs.ReadFile(migrations, found[0])
	return string(text), err
}
