package rulefile_test

import "testing"

// TestVyOSExclude reads rules of nat source that except packets: they are not read, and that is said.
func TestVyOSExclude(t *testing.T) {
	table := parse(t, "vyos", "set nat source rule 5 exclude\nset nat cgnat pool external e range 198.18.0.1\nset nat cgnat pool internal i range 10.0.0.0/31\n"+
		"set nat cgnat rule 1 source pool i\nset nat cgnat rule 1 translation pool e\n")
	if !hasFinding(table, "rules of nat source except packets", 1, 1) {
		t.Errorf("it is not noted: %+v", table.Findings())
	}
}
