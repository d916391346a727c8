package storage

import (
	"reflect"
	"strings"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// plainInserts lets GORM insert one whole row by a text that is made once for
// its table: putting the same clauses together anew costs as much as the insert.
// Everything else about inserts stays GORM's.
func plainInserts(db *gorm.DB) error {
	create := db.Callback().Create()
	built := create.Get("gorm:create")
	var texts sync.Map // *schema.Schema → string
	return create.Replace("gorm:create", func(db *gorm.DB) {
		s := db.Statement
		values, ok := plainRow(db)
		if !ok {
			built(db)
			return
		}
		text, ok := texts.Load(s.Schema)
		if !ok {
			text, _ = texts.LoadOrStore(s.Schema, insertText(s))
		}
		if insertLater(db, text.(string), values) { //nolint:forcetypeassert // nothing else is put there
			return
		}
		s.SQL.WriteString(text.(string)) //nolint:forcetypeassert // as above
		s.Vars = values
		done, err := s.ConnPool.ExecContext(s.Context, s.SQL.String(), s.Vars...)
		if db.AddError(err) == nil {
			db.RowsAffected, err = done.RowsAffected()
			_ = db.AddError(err)
		}
	})
}

// plainRow returns the values of a row's columns in their order, or false where
// there is more to do than to write them down.
func plainRow(db *gorm.DB) ([]any, bool) {
	s := db.Statement
	if db.Error != nil || db.DryRun || s.Schema == nil || s.ReflectValue.Kind() != reflect.Struct ||
		len(s.Clauses)+len(s.Selects)+len(s.Omits)+s.SQL.Len()+len(s.Schema.FieldsWithDefaultDBValue) > 0 {
		return nil, false
	}
	values := make([]any, len(s.Schema.DBNames))
	for n, name := range s.Schema.DBNames {
		field := s.Schema.FieldsByDBName[name]
		value, zero := field.ValueOf(s.Context, s.ReflectValue)
		if zero && filledIn(field) || !field.Creatable {
			return nil, false
		}
		values[n] = value
	}
	return values, true
}

// filledIn reports whether GORM puts something in the field where it is zero.
func filledIn(f *schema.Field) bool {
	return f.DefaultValueInterface != nil || f.AutoCreateTime > 0 || f.AutoUpdateTime > 0
}

func insertText(s *gorm.Statement) string {
	var columns, marks strings.Builder
	for n, name := range s.Schema.DBNames {
		if n > 0 {
			columns.WriteByte(',')
			marks.WriteByte(',')
		}
		s.QuoteTo(&columns, name)
		s.Vars = append(s.Vars, nil) // a parameter's name may be how many there are
		s.BindVarTo(&marks, s, nil)
	}
	return "INSERT INTO " + s.Quote(s.Table) + " (" + columns.String() + ") VALUES (" + marks.String() + ")"
}
