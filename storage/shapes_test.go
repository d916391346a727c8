package storage_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// Methods that write what a struct happens to hold, skip zero values, or
	// look past conditions.
	forbidden = []string{
		"Save", "Update", "Updates", "UpdateColumn", "FirstOrCreate", "FirstOrInit", "Attrs", "Assign", "Unscoped", "Scopes", "Debug",
		"BeforeCreate", "AfterCreate", "BeforeSave", "AfterSave", "BeforeUpdate", "AfterUpdate", "BeforeDelete", "AfterDelete", "AfterFind",
	}
	// Methods whose first argument is SQL.
	takesSQL = []string{"Where", "Or", "Not", "Having", "Order", "Group", "Joins", "Raw", "Exec", "Select", "Table", "Distinct", "Pluck", "Expr"}
	// Methods whose only argument is a destination: further ones would be conditions.
	takesDestination = []string{"Take", "First", "Last", "Find", "Scan", "Delete", "Model"}

	ownTime = regexp.MustCompile(`(?i)(?:^|[^.\w])(now\(\)|current_timestamp|current_time|clock_timestamp|datetime\('now|julianday|transaction_timestamp)`)
)

// TestGORMIsUsedInSafeShapesOnly reads the package: SQL is constant, data only
// ever an argument, writes are maps, destinations fresh and times the Clock's.
func TestGORMIsUsedInSafeShapesOnly(t *testing.T) {
	files := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var parsed []*ast.File
	constants := map[string]bool{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
				for _, spec := range g.Specs {
					for _, id := range spec.(*ast.ValueSpec).Names {
						constants[id.Name] = true
					}
				}
			}
		}
	}
	for _, f := range parsed {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if slices.Contains(forbidden, fn.Name.Name) {
				t.Errorf("%s: a hook", files.Position(fn.Pos()))
			}
			checkShapes(t, files, fn, constants)
		}
	}
}

func checkShapes(t *testing.T, files *token.FileSet, fn *ast.FuncDecl, constants map[string]bool) {
	fresh := map[string]bool{}
	ast.Inspect(fn, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 0 {
			for _, id := range v.Names {
				fresh[id.Name] = true
			}
		}
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		at, method := files.Position(call.Pos()), sel.Sel.Name
		switch {
		case slices.Contains(forbidden, method):
			t.Errorf("%s: %s", at, method)
		case method == "UpdateColumns":
			if lit, ok := call.Args[0].(*ast.CompositeLit); !ok || !isMap(lit) {
				t.Errorf("%s: UpdateColumns without a map", at)
			}
		case method == "Raw" && isFunction(call.Args): // that of database/sql's Conn
		case method == "Exec" && len(call.Args) == 0: // that of pgx's results
		case slices.Contains(takesSQL, method) && !constant(call.Args[0], constants):
			t.Errorf("%s: %s with SQL that is no constant", at, method)
		case slices.Contains(takesDestination, method) && isGORM(sel) && (len(call.Args) != 1 || !destination(call.Args[0], fresh)):
			t.Errorf("%s: %s with conditions or a used destination", at, method)
		}
		return true
	})
}

// isGORM leaves out Scan on rows of database/sql: those take positions.
func isGORM(sel *ast.SelectorExpr) bool {
	if rows, ok := sel.X.(*ast.Ident); ok && rows.Name == "rows" {
		return false
	}
	if call, ok := sel.X.(*ast.CallExpr); ok {
		if inner, ok := call.Fun.(*ast.SelectorExpr); ok {
			return inner.Sel.Name != "Row" && inner.Sel.Name != "QueryRowContext" && inner.Sel.Name != "queryRow" && inner.Sel.Name != "QueryRow"
		}
	}
	return true
}

func isFunction(args []ast.Expr) bool {
	if len(args) != 1 {
		return false
	}
	_, ok := args[0].(*ast.FuncLit)
	return ok
}

func isMap(lit *ast.CompositeLit) bool { _, ok := lit.Type.(*ast.MapType); return ok }

func constant(e ast.Expr, constants map[string]bool) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return constants[e.Name]
	case *ast.BinaryExpr:
		return constant(e.X, constants) && constant(e.Y, constants)
	}
	return false
}

// destination is &fresh, or an empty model.
func destination(e ast.Expr, fresh map[string]bool) bool {
	u, ok := e.(*ast.UnaryExpr)
	if !ok || u.Op != token.AND {
		return false
	}
	switch x := u.X.(type) {
	case *ast.Ident:
		return fresh[x.Name]
	case *ast.CompositeLit:
		return len(x.Elts) == 0
	}
	return false
}

func TestTheDatabaseTellsNoTime(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	sql, err := filepath.Glob("migrations/*/*.sql")
	if err != nil || len(sql) == 0 {
		t.Fatal(sql, err)
	}
	for _, name := range append(names, sql...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := ownTime.Find(text); found != nil {
			t.Errorf("%s: %s", name, found)
		}
		if strings.HasPrefix(name, "migrations/postgres/") && !strings.Contains(string(text), "lock_timeout") {
			t.Errorf("%s waits for locks without end", name)
		}
		if strings.HasPrefix(name, "migrations/") && strings.Contains(string(text), "+goose Down") {
			t.Errorf("%s goes back", name)
		}
	}
}
