// Package planfile reads and writes the YAML form of an [alloc.Plan], and lists of subscribers.
//
// It is for programs that let people write plans. Reading is strict: unknown keys, duplicate keys, wrong types, aliases and
// values that make no sense are errors, and every error names file, line and column and can show the line with a caret under
// the place (see [Diagnostic]). docs/plan-format.md describes the format; [Schema] returns it as JSON Schema, made from the
// same table that the decoder works on.
//
// # Limits
//
// A plan file may have 4 MiB (long lists of subscribers belong in files of their own), a subscriber list 1 GiB and lines of 64 KiB. Files that a plan names lie in its folder or
// below.
package planfile
