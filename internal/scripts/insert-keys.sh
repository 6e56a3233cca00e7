#!/bin/sh
# Puts the table on standard input between the markers of a Markdown file.
set -eu
table=$(mktemp)
out=$(mktemp)
trap 'rm -f "$table" "$out"' EXIT
cat > "$table"
awk -v table="$table" '
  /<!-- keys: begin/ { print; print ""; while ((getline line < table) > 0) print line; print ""; skip = 1 }
  /<!-- keys: end/   { skip = 0 }
  !skip' "$1" > "$out"
cat "$out" > "$1"
