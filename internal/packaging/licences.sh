#!/bin/sh
# Prints the licences of everything that is linked into commands: licences.sh PACKAGE... What Debian has in
# /usr/share/common-licenses is named, everything else is quoted.
set -eu
go=${GO:-go}
# $1: what it is, $2: folder
show() {
  printf '\n%s\n%s\n\n' "$1" "$(echo "$1" | sed 's/./-/g')"
  found=""
  for file in "$2"/LICENSE* "$2"/LICENCE* "$2"/COPYING* "$2"/NOTICE*; do
    [ -f "$file" ] || continue
    found=1
    if grep -q 'Apache License' "$file" && grep -q 'TERMS AND CONDITIONS FOR USE' "$file"; then
      echo "Apache License, Version 2.0: see /usr/share/common-licenses/Apache-2.0"
    else
      cat "$file"
    fi
  done
  [ -n "$found" ] || { echo "$2: no licence found" >&2; exit 1; }
}
printf '\nLinked into the commands\n========================\n'
modules=$(mktemp)
trap 'rm -f "$modules"' EXIT
$go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' "$@" | LC_ALL=C sort -u > "$modules"
while read -r path version dir; do
  show "$path $version" "$dir"
done < "$modules"
show "Go $($go env GOVERSION)" "$($go env GOROOT)"
