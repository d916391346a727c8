package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
)

// grow fills the server's table of access tokens up to a number of rows with
// copies of a real one under digests of their own, so that what is asked for
// lies among them. It needs the sqlite3 command line: the server is busy being
// measured, and nothing of ours inserts tokens nobody was given.
func grow(ctx context.Context, s *server, rows int) error {
	if s.database == "" {
		return errors.New("W8 needs a demo of its own, without -summary")
	}
	script := fmt.Sprintf(`PRAGMA busy_timeout = 60000;
CREATE TEMP TABLE filler AS
WITH RECURSIVE number(n) AS (SELECT (SELECT count(*) FROM access_tokens) UNION ALL SELECT n + 1 FROM number WHERE n + 1 < %d)
SELECT token.* FROM number, (SELECT * FROM access_tokens LIMIT 1) AS token;
UPDATE filler SET digest = randomblob(32), jti = lower(hex(randomblob(16)));
INSERT INTO access_tokens SELECT * FROM filler;
ANALYZE;`, rows)
	out, err := exec.CommandContext(ctx, "sqlite3", "-bail", s.database, script).CombinedOutput()
	if err != nil {
		return fmt.Errorf("filling %s: %w: %s", s.database, err, out)
	}
	return nil
}
