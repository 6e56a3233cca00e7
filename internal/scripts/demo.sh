#!/bin/sh
# The main job on a sample plan: size it, list it, ask in both directions, prove it. Then, with root, real traffic through the
# kernel; without, cgnctl demo says so and shows the rest.
set -eu
cgnctl=$1
plan=$2
say() { printf '\n$ cgnctl %s\n' "$*"; }

say plan -c "$plan"
"$cgnctl" plan -c "$plan"

say "allocate -c $plan -o csv | head -4"
"$cgnctl" allocate -c "$plan" -o csv > "${TMPDIR:-/tmp}/cgnkit-demo.$$"
head -4 "${TMPDIR:-/tmp}/cgnkit-demo.$$"
rm -f "${TMPDIR:-/tmp}/cgnkit-demo.$$"

say lookup -c "$plan" 100.64.0.2
"$cgnctl" lookup -c "$plan" 100.64.0.2

say trace -c "$plan" 198.18.0.0:6000
"$cgnctl" trace -c "$plan" 198.18.0.0:6000

say trace -c "$plan" 198.18.0.0:700 "   # nobody: exit 1"
"$cgnctl" trace -c "$plan" 198.18.0.0:700 2>&1 || [ $? = 1 ]

say check "$plan"
"$cgnctl" check "$plan"

say demo
exec "$cgnctl" demo
