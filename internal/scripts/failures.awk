# Of the output of `go test -v`: each test that failed, with the last lines that it wrote. With names=1 only "package test seed" of each, where seed
# is what makes a random test repeat what it did, or -.
function flush(package,   i, n, parts, from) {
  for (i = 1; i <= count; i++) {
    if (names) { if (failed[i] !~ /\//) print package, failed[i], failed[i] in seed ? seed[failed[i]] : "-"; continue }
    print "FAIL " package " " failed[i]
    n = split(wrote[failed[i]], parts, "\n")
    for (from = n > 12 ? n - 11 : 1; from <= n; from++) if (parts[from] != "") print "  " substr(parts[from], 1, 300)
  }
  if (count == 0 && !names) { print "FAIL " package " (no test of it says why)"; for (i = 11; i >= 0; i--) if (last[line - i] != "") print "  " substr(last[line - i], 1, 300) }
  if (count == 0 && names) print package, "-", "-"
}
function forget() { delete wrote; delete failed; delete last; delete seed; count = 0; line = 0; name = "" }
/^=== (RUN|CONT|NAME) / { name = $3; next }
/^=== / { next }
/^ *--- FAIL: / { failed[++count] = $3; next }
/^ *--- (PASS|SKIP): / { delete wrote[$3]; next }
/^FAIL\t/ { flush($2); forget(); next }
/^ok  \t|^\?   \t/ { forget(); next }
/^(PASS|FAIL)$/ { next }
match($0, /TEST_SEED=[0-9]+/) { root = name; sub(/\/.*/, "", root); seed[root] = substr($0, RSTART + 10, RLENGTH - 10) }
{ wrote[name] = substr(wrote[name] "\n" $0, 1 + (length(wrote[name]) > 20000 ? 10000 : 0)); last[++line] = $0; delete last[line - 12] }
