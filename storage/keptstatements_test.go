package storage_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/gatehouse-auth/gatehouse/storage"
)

func keeping(t *testing.T) (*sql.DB, func() int) {
	t.Helper()
	db, kept, err := storage.OpenKeeping(filepath.Join(t.TempDir(), "kept.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, text := range []string{"CREATE TABLE things (id INTEGER PRIMARY KEY)", "INSERT INTO things VALUES (1), (2), (3)"} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	return db, kept
}

// insert prepares anew each time, as a transaction does.
func insert(t *testing.T, db *sql.DB, text string, args ...any) error {
	t.Helper()
	stmt, err := db.PrepareContext(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	_, err = stmt.ExecContext(t.Context(), args...)
	return err
}

func TestAStatementIsPreparedOnce(t *testing.T) {
	db, kept := keeping(t)
	const text = "INSERT INTO things (id) VALUES (?)"
	for n := range 5 {
		if err := insert(t, db, text, 10+n); err != nil {
			t.Fatal(err)
		}
	}
	if n := kept(); n != 1 {
		t.Errorf("%d statements are kept", n)
	}
	if insert(t, db, text, 10) == nil {
		t.Error("an id was given twice")
	}
	if err := insert(t, db, text, 20); err != nil {
		t.Errorf("after a failure: %v", err)
	}
	if _, err := db.ExecContext(t.Context(), "ALTER TABLE things ADD COLUMN name TEXT"); err != nil {
		t.Fatal(err)
	}
	if err := insert(t, db, text, 21); err != nil {
		t.Errorf("after the table changed: %v", err)
	}
}

func TestAKeptStatementHasOneUserAtATime(t *testing.T) {
	db, _ := keeping(t)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	ids := func() *sql.Rows {
		stmt, err := tx.PrepareContext(t.Context(), "SELECT id FROM things ORDER BY id") //nolint:sqlclosecheck // with the transaction
		if err != nil {
			t.Fatal(err)
		}
		rows, err := stmt.QueryContext(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	first, second := ids(), ids()
	defer first.Close()
	defer second.Close()
	for want := 1; want <= 3; want++ {
		for _, rows := range []*sql.Rows{first, second} {
			var id int
			if !rows.Next() || rows.Scan(&id) != nil || id != want {
				t.Fatalf("read %d, want %d", id, want)
			}
		}
	}
	if first.Next() || second.Next() || first.Err() != nil || second.Err() != nil {
		t.Error("there are more")
	}
}

func TestKeptStatementsHaveABound(t *testing.T) {
	db, kept := keeping(t)
	for n := range 300 {
		if err := insert(t, db, fmt.Sprintf("INSERT INTO things (id) VALUES (%d)", 100+n)); err != nil {
			t.Fatal(err)
		}
	}
	if n := kept(); n != 256 {
		t.Errorf("%d statements are kept", n)
	}
}
