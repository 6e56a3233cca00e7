package planfile_test

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/planfile"
)

// A broken plan shows everything that is wrong with it at once.
func ExampleParse() {
	_, err := planfile.Parse("plan.yaml", []byte(`version: 1
pools:
  - name: fttx
    inside: 100.64.0.0/22
    outside: [198.18.0.0/28, 198.18.0.17/28]
    sharing_ratio: 32
`), planfile.Options{})

	if all, ok := errors.AsType[*planfile.Error](err); ok {
		for _, d := range all.Diagnostics {
			fmt.Println(d)
			fmt.Print(d.Excerpt())
			if d.Hint != "" {
				fmt.Println("hint:", d.Hint)
			}
		}
	}
	// Output:
	// plan.yaml:5:30: pools[0].outside[1]: invalid address 198.18.0.17/28: host bits are set; write 198.18.0.16/28 for the prefix or 198.18.0.17 for the one address
	//     5 |     outside: [198.18.0.0/28, 198.18.0.17/28]
	//       |                              ^
	// plan.yaml:6:5: pools[0]: unknown key "sharing_ratio" in a pool
	//     6 |     sharing_ratio: 32
	//       |     ^
	// hint: did you mean sharing-ratio?
}

func ExampleLoad() {
	file, err := planfile.Load("../../testdata/plans/village.yaml", planfile.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for pool := range file.Plan.Pools() {
		first, _ := pool.At(0)
		fmt.Printf("%s: %d subscribers on %d addresses\n", pool.Name(), pool.Subscribers(), pool.Addresses())
		fmt.Printf("%v has %v ports %v\n", first.Inside(), first.Outside(), first.Ports())
	}
	// Output:
	// village: 959 subscribers on 14 addresses
	// 100.64.8.0 has 203.0.113.17 ports 1024-1899,1901-1924
}

// Lists come as exports: with a header, in any order, with things around them.
func ExampleReadList() {
	list, err := planfile.ReadList(strings.NewReader(`contract;subscriber;street
C-1000;100.70.165.205;"Main Street 1; left"
C-1001;100.70.77.60;Main Street 2   # moves out in May
C-1002;100.71.0.0/29;Hotel
`), "export.csv")
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, r := range list.Ranges {
		fmt.Printf("line %d: %v, %d\n", list.Lines[i], r, r.Len())
	}

	_, err = planfile.ReadList(strings.NewReader("100.64.0.1\n100.64.0.x\n"), "typed.txt")
	fmt.Println(err)
	// Output:
	// line 2: 100.70.165.205, 1
	// line 3: 100.70.77.60, 1
	// line 4: 100.71.0.0/29, 8
	// typed.txt:2:1: invalid address "100.64.0.x": want an IPv4 address such as 100.64.0.1
}

// Sizes that followed from the number of subscribers are written out: a longer list later moves nobody.
func ExampleWrite() {
	inside, _ := alloc.ParseAddrRange("100.64.0.0/22")
	outside, _ := alloc.ParseAddrRange("198.18.0.0/27")
	spec := alloc.Spec{Pools: []alloc.PoolSpec{{Name: "fttx", Inside: []alloc.AddrRange{inside}, Outside: []alloc.AddrRange{outside}}}}
	plan, err := alloc.NewPlan(spec)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := planfile.Write(os.Stdout, spec, plan); err != nil {
		fmt.Println(err)
	}
	// Output:
	// # cgnkit plan, see docs/plan-format.md
	// version: 1
	// pools:
	//   - name: fttx
	//     inside:
	//       - 100.64.0.0/22
	//     outside:
	//       - 198.18.0.0/27
	//     scheme: sequential
	//     sharing-ratio: 32
	//     ports-per-subscriber: 2016
}
