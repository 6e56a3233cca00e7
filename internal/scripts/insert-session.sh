#!/bin/sh
# Puts what nftables-session.sh or xdp-session.sh printed, read from standard input, into a Markdown file: each part between its
# "<!-- session: NAME -->" line and the next "<!-- end -->".
set -eu
file=$1
out=$(mktemp)
session=$(mktemp)
trap 'rm -f "$out" "$session"' EXIT
cat > "$session"
awk -v session="$session" '
  BEGIN { while ((getline line < session) > 0) { if (line ~ /^@ /) name = substr(line, 3); else text[name] = text[name] line "\n" } }
  /^<!-- session: / { print; skip = 1; print "```"; printf "%s", text[$3]; print "```"; next }
  /^<!-- end -->/ { skip = 0 }
  !skip { print }
' "$file" > "$out"
cat "$out" > "$file"
