package config

// The database drivers.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// Database is where state is kept.
type Database struct {
	// SQLite for one process, PostgreSQL for several.
	Driver string `yaml:"driver" jsonschema:"enum=sqlite,enum=postgres"`
	// The SQLite file.
	Path string `yaml:"path"`
	// The PostgreSQL connection string.
	DSN Secret `yaml:"dsn"`
	// A file that holds the connection string.
	DSNFile string `yaml:"dsn_file"`
	// Bring the schema up to date at start; unset it is done on SQLite only.
	AutoMigrate *bool `yaml:"auto_migrate"`
	// What only SQLite knows.
	SQLite SQLiteOptions `yaml:"sqlite"`
	// The most connections to PostgreSQL.
	MaxOpenConns int `yaml:"max_open_conns"`
}

// SQLiteOptions are settings of the SQLite driver.
type SQLiteOptions struct {
	// "full" survives a power cut; "normal" is faster and may lose the last
	// transactions in one.
	Synchronous string `yaml:"synchronous" jsonschema:"enum=full,enum=normal"`
}

// Migrates reports whether serve brings the schema up to date itself.
func (d Database) Migrates() bool {
	if d.AutoMigrate == nil {
		return d.Driver == SQLite
	}
	return *d.AutoMigrate
}
