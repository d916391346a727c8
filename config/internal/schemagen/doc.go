// Command schemagen writes config/gatehouse.schema.json and
// docs/configuration.md from the types of package config and the comments on
// their fields. It is run by go generate in config; a test fails when what is
// committed is not what it would write.
//
// It stands apart so that the schema library stays out of the product.
package main
