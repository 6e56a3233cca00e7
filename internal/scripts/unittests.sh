#!/usr/bin/env bash
# All tests, those of the package that takes longest first: the others run beside it. Usage: unittests.sh GO.
# A test that fails is run three more times with nothing beside it, and has to pass each time: tests of the kernel send
# traffic in real time, and a machine that stops for a second may cost one of them a packet. A random one repeats what it
# did. What failed is always said, with what it wrote, at the end of what this prints.
set -uo pipefail
cd "$(dirname "$0")/../.."
go=$1
mkdir -p build
: > build/unsteady.txt
"$go" test -count=1 -timeout 40m -v ./ebpf ./... > build/test.log 2>&1 && exec grep -aE '^ok' build/test.log

grep -aE '^(ok|FAIL)' build/test.log
wrote=$(awk -f internal/scripts/failures.awk build/test.log)
names=$(awk -v names=1 -f internal/scripts/failures.awk build/test.log | sort -u)
if [ -z "$names" ]; then tail -n 30 build/test.log; exit 1; fi
if [ "$(wc -l <<< "$names")" -gt 8 ]; then printf '%s\n%s\n' "$wrote" "$names"; exit 1; fi # this is not chance
rc=0 again=""
while read -r package test seed; do
  repeat=()
  [ "$seed" = - ] || repeat=(env "TEST_SEED=$seed")
  if [ "$test" != - ] && "${repeat[@]}" "$go" test -count=3 -timeout 20m -run "^$test\$" "$package" > build/again.log 2>&1 < /dev/null; then
    echo "unsteady: $package $test failed beside other tests and passed three times alone" >> build/unsteady.txt
  else
    again="$again"$'\n'"failed: $package $test"
    rc=1
  fi
done <<< "$names"
printf '%s%s\n' "$wrote" "$again"
cat build/unsteady.txt
exit $rc
