package storagetest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Plans asks PostgreSQL how it would carry out every statement that a store was
// seen to send, whatever its data, and finds those that read a whole table.
type Plans struct {
	mu   sync.Mutex
	seen map[string]bool
}

// Observe is for storage.Config.
func (p *Plans) Observe(statement string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen == nil {
		p.seen = map[string]bool{}
	}
	statement = parameter.ReplaceAllString(strings.TrimSpace(statement), "?")
	p.seen[lists.ReplaceAllString(statement, "IN (?)")] = true // however long
}

// small are the tables that have a bounded number of rows.
var small = []string{"goose_db_version", "leases", "signing_keys"}

var (
	parameter = regexp.MustCompile(`\$\d+\$?`) // GORM shows $1 as $1$
	lists     = regexp.MustCompile(`IN \(\?(,\?)+\)`)
	planned   = regexp.MustCompile(`(?i)^(SELECT|INSERT|UPDATE|DELETE|WITH)\b`)
	seqScan   = regexp.MustCompile(`Seq Scan on (\w+)`)
	// a table with a name of its own in the statement, an index asked for an
	// issuer alone, and rows thrown away for what they are called
	joined      = regexp.MustCompile(`Index (?:Only )?Scan using \w+ on (\w+) (\w+)  `)
	issuerAlone = regexp.MustCompile(`Index Cond: \(\(?issuer = [^()]*\)?\)(?:\n|$)`)
	filterByID  = regexp.MustCompile(`\bFilter: .*\b(?:id|digest)\b`)
	// the same from end to end, before rows of another table are looked for
	joinedScan     = regexp.MustCompile(`-> +Seq Scan on (\w+) (\w+)  `)
	filterByIssuer = regexp.MustCompile(`^ *Filter: \(+issuer(?: \|\| ''::text\))? = [^()]*\)$`)
	indexScan      = regexp.MustCompile(`(?:Index Scan(?: Backward)? using|Index Only Scan(?: Backward)? using|Bitmap Index Scan on) (\w+)`)
)

// Check fails for every statement that scans a table that grows, or an index of
// one from end to end, and returns how many statements it asked about. It asks a
// database of its own: in one that is used the plans are those for the few rows
// that happen to be there.
func (p *Plans) Check(t testing.TB) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), PostgresWithSchema(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), "SET plan_cache_mode = force_generic_plan"); err != nil {
		t.Fatal(err)
	}
	partial, err := partialIndexes(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, statement := range slices.Sorted(maps.Keys(p.seen)) {
		if !planned.MatchString(statement) {
			continue
		}
		asked++
		plan, err := explain(t.Context(), conn, dollars(statement), "off")
		if err != nil {
			t.Errorf("%s: %v", statement, err)
			continue
		}
		free, err := explain(t.Context(), conn, dollars(statement), "on")
		if err != nil {
			t.Errorf("%s: %v", statement, err)
			continue
		}
		if what := wholeTable(plan, partial); what != "" {
			t.Errorf("%s is read from end to end by\n%s\n%s", what, statement, strings.Join(plan, "\n"))
		}
		if what := cmp.Or(wholeIssuer(plan), wholeIssuer(free)); what != "" {
			t.Errorf("%s is read for a whole issuer by\n%s\n%s\n%s", what, statement, strings.Join(plan, "\n"), strings.Join(free, "\n"))
		}
	}
	return asked
}

// dollars numbers the parameters of a statement that has question marks.
func dollars(statement string) string {
	n := 0
	var b strings.Builder
	for _, r := range statement {
		if r != '?' {
			b.WriteRune(r)
			continue
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
	}
	return b.String()
}

// explain tells the plan with sequential scans on, or off where there is another
// way.
func explain(ctx context.Context, conn *pgx.Conn, statement, scans string) ([]string, error) {
	if _, err := conn.Exec(ctx, "SET enable_seqscan = "+scans); err != nil {
		return nil, err
	}
	made, err := conn.Prepare(ctx, "", statement)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "PREPARE it AS "+statement); err != nil {
		return nil, err
	}
	defer func() { _, _ = conn.Exec(ctx, "DEALLOCATE it") }()
	nulls := ""
	if n := len(made.ParamOIDs); n > 0 {
		nulls = "(" + strings.TrimSuffix(strings.Repeat("NULL,", n), ",") + ")"
	}
	rows, err := conn.Query(ctx, fmt.Sprintf("EXPLAIN EXECUTE it%s", nulls))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// partialIndexes hold some rows of their table only, such as those that wait, and
// may be read whole.
func partialIndexes(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	rows, err := conn.Query(ctx, "SELECT indexrelid::regclass::text FROM pg_index WHERE indpred IS NOT NULL")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// wholeTable names what the plan reads whole; "" for nothing.
func wholeTable(plan, partial []string) string {
	for n, line := range plan {
		if found := seqScan.FindStringSubmatch(line); found != nil && !slices.Contains(small, found[1]) {
			return found[1]
		}
		found := indexScan.FindStringSubmatch(line)
		if found == nil || slices.Contains(partial, found[1]) {
			continue
		}
		if !strings.Contains(conditions(plan, n), "Index Cond") {
			return found[1]
		}
	}
	return ""
}

// wholeIssuer names the table of which a join reads all that an issuer has to
// find the row of one id; "" for none. Before PostgreSQL has counted a table it
// takes an issuer to narrow it as an id does, and a plan made then is kept.
func wholeIssuer(plan []string) string {
	for n, line := range plan {
		if found := joinedScan.FindStringSubmatch(line); found != nil && filterByIssuer.MatchString(conditions(plan, n)) {
			return found[1]
		}
		found := joined.FindStringSubmatch(line)
		if found == nil || !issuerAlone.MatchString(conditions(plan, n)) {
			continue
		}
		elsewhere := regexp.MustCompile(`Join Filter: .*\b` + found[2] + `\.id\b`).MatchString
		if filterByID.MatchString(conditions(plan, n)) || slices.ContainsFunc(plan, elsewhere) {
			return found[1]
		}
	}
	return ""
}

// conditions are what stands below a node of a plan before the next.
func conditions(plan []string, node int) string {
	below := plan[node+1:]
	if next := slices.IndexFunc(below, func(line string) bool { return strings.Contains(line, "->") }); next >= 0 {
		below = below[:next]
	}
	return strings.Join(below, "\n")
}
