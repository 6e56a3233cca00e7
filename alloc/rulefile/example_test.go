package rulefile_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// Example finds the plan behind four rules.
func Example() {
	rules := `/ip firewall nat
add chain=srcnat action=src-nat protocol=tcp src-address=100.64.0.0 to-addresses=198.18.0.0 to-ports=1024-3039
add chain=srcnat action=src-nat protocol=udp src-address=100.64.0.0 to-addresses=198.18.0.0 to-ports=1024-3039
add chain=srcnat action=src-nat protocol=tcp src-address=100.64.0.1 to-addresses=198.18.0.0 to-ports=3040-5055
add chain=srcnat action=src-nat protocol=udp src-address=100.64.0.1 to-addresses=198.18.0.0 to-ports=3040-5055
`
	table, err := rulefile.Parse(strings.NewReader(rules), rulefile.RouterOS, "old.rsc")
	if err != nil {
		log.Fatal(err)
	}
	_, found, err := rulefile.Infer(table)
	if err != nil {
		log.Fatal(err)
	}
	for _, line := range found.Lines() {
		fmt.Println(line)
	}
	// Output:
	// pool imported: scheme sequential, 2 subscribers on 1 address, sharing ratio 1:32, 2016 ports each, usable 1024-65535, tail 0; 1 inside range, 1 outside range
}
