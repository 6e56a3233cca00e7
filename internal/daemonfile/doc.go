// Package daemonfile reads the configuration of cgnd: one YAML file, strictly. Unknown keys, duplicate keys, wrong types and
// aliases are errors, and every error has file, line and column. The decoder, the JSON Schema (docs/cgnd.schema.json) and the
// table of keys in docs/cgnd.md are made from one table.
package daemonfile
