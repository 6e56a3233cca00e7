package rulefile_test

import (
	"testing"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// TestCSVWidth reads rows with more fields than the first line: ports would get lost.
func TestCSVWidth(t *testing.T) {
	checkRefusals(t, "csv", []refusal{
		{"ports", "subscriber,outside,ports\n10.0.0.1,198.18.0.1,1-9,5000\n", rulefile.ErrSyntax, "rules:2: the line has 4 columns, and the first line has 3"},
		{"by place", "10.0.0.1;198.18.0.1;1;9\n10.0.0.2;198.18.0.1;10;19;5000\n", rulefile.ErrSyntax, "rules:2: the line has 5 columns"},
		{"with a pool", "pool,subscriber,outside,ports\na,10.0.0.1,198.18.0.1,1-9,10-19\n", rulefile.ErrSyntax, "rules:2: "},
	})
	if got := rowsOf(parse(t, "csv", "subscriber,outside,ports\n10.0.0.1,198.18.0.1,1-9, \n10.0.0.2,198.18.0.1,10-19,,\n")); got != twoRows {
		t.Errorf("empty fields behind the last: got\n%s", got)
	}
}
