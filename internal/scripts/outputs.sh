#!/bin/sh
# Puts the real output of cgnctl behind every "<!-- output: ARGS -->" line of a Markdown file, in a code block.
set -eu
cgnctl=$1
file=$2
out=$(mktemp)
trap 'rm -f "$out"' EXIT
skip=0
while IFS= read -r line; do
  case $line in
    '<!-- output: '*)
      skip=0
      printf '%s\n```\n' "$line"
      args=${line#'<!-- output: '}
      # shellcheck disable=SC2086 # the arguments are words
      "$cgnctl" ${args%' -->'} 2>&1 || true
      printf '```\n'
      skip=1
      ;;
    '```') if [ $skip = 1 ]; then skip=2; elif [ $skip = 2 ]; then skip=0; else printf '%s\n' "$line"; fi ;;
    *) if [ $skip = 1 ]; then skip=0; fi
       if [ $skip = 0 ]; then printf '%s\n' "$line"; fi ;;
  esac
done < "$file" > "$out"
cat "$out" > "$file"
