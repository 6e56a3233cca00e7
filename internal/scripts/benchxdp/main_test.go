package main

import (
	"fmt"
	"strings"
	"testing"
)

// sample is what benchmarks print where every limit is just kept.
const sample = `goos: linux
BenchmarkTranslation/1k_flows_UDP-2             	       1	         7.000 floor-ns	        80.00 in-out-ns	       450.0 new-ns	        50.00 out-in-ns
BenchmarkTranslation/1k_flows_TCP-2             	       1	         7.000 floor-ns	        80.00 in-out-ns	       450.0 new-ns	        50.00 out-in-ns
BenchmarkTranslation/131k_flows_UDP-2           	       1	         7.000 floor-ns	       260.0 in-out-ns	       450.0 new-ns	       230.0 out-in-ns
BenchmarkTranslation/131k_flows_TCP-2           	       1	         7.000 floor-ns	       260.0 in-out-ns	       450.0 new-ns	       230.0 out-in-ns
BenchmarkTranslation/1M_flows_UDP-2             	       1	         7.000 floor-ns	       999.0 in-out-ns	       450.0 new-ns	       999.0 out-in-ns
BenchmarkTranslation/1M_flows_TCP               	       1	         7.000 floor-ns	       999.0 in-out-ns	       450.0 new-ns	       999.0 out-in-ns
BenchmarkLookup/one_prefix,_1k_questions-2      	       1	         6.000 floor-ns	        40.00 forward-ns
BenchmarkLookup/one_prefix-2                    	       1	        14.00 floor-ns	        40.00 forward-ns
BenchmarkLookup/list_of_1k,_1k_questions-2      	       1	         6.000 floor-ns	        80.00 forward-ns
BenchmarkLookup/list_of_1M,_1k_questions-2      	       1	         6.000 floor-ns	        80.00 forward-ns
BenchmarkLookup/shares_of_1k,_1k_questions-2    	       1	         6.000 floor-ns	        80.00 forward-ns
BenchmarkLookup/shares_of_1M,_1k_questions-2    	       1	         6.000 floor-ns	        80.00 forward-ns
BenchmarkLookup/list_of_1M-2                    	       1	        14.00 floor-ns	       200.0 forward-ns
BenchmarkLookup/shares_of_1M-2                  	       1	        14.00 floor-ns	       450.0 forward-ns
BenchmarkTidy-2                                 	       1	   404914022 ns/op	         2.000 %core	   1015808 mappings	        25.0 ns/slot	  16515072 slots
BenchmarkForward/new-2         	       1	      1500 forward-ns	      3000 nftables-ns	         3.000 nftables/xdp	      1000 xdp-ns
BenchmarkForward/131k_established-2         	       1	      1500 forward-ns	      3000 nftables-ns	         1.700 nftables/xdp	      1000 xdp-ns
BenchmarkForward/1k_established-2         	       1	      1500 forward-ns	      3000 nftables-ns	         2.000 nftables/xdp	      1000 xdp-ns
PASS
`

func parsed(text string) (out []figure) {
	for l := range strings.Lines(text) {
		out = append(out, figures(strings.TrimRight(l, "\n"))...)
	}
	return out
}

// Every limit holds at its value, is broken just beyond it, for each benchmark that it is about, and by what is missing or no number.
func TestLimits(t *testing.T) {
	all := parsed(sample)
	if err := broken(limits, all); err != nil {
		t.Fatal(err)
	}
	bounded := 0
	for i, f := range all {
		for _, delta := range []float64{-0.1, 0.1} {
			all[i].value = f.value + delta
			err := broken(limits, all)
			up := map[string]bool{"in-out-ns": true, "out-in-ns": true, "new-ns": true, "%core": true}[f.unit] && f.value != 999 ||
				f.unit == "forward-ns" && strings.HasPrefix(f.name, "Lookup/")
			down := f.unit == "nftables/xdp"
			if want := up && delta > 0 || down && delta < 0; (err != nil) != want || want && !strings.Contains(fmt.Sprint(err), f.name+": ") {
				t.Errorf("%s of %s at %v: %v", f.unit, f.name, all[i].value, err)
			}
			if err != nil {
				bounded++
			}
		}
		all[i] = f
	}
	if bounded != 26 {
		t.Errorf("%d figures have a limit", bounded)
	}
	for _, text := range []string{"", strings.Replace(sample, "BenchmarkTidy", "BenchmarkOther", 1), strings.Replace(sample, "3.000 nftables/xdp", "NaN nftables/xdp", 1)} {
		if broken(limits, parsed(text)) == nil {
			t.Errorf("nothing is said about\n%s", text)
		}
	}
}
