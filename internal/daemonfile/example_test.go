package daemonfile_test

import (
	"fmt"

	"github.com/cgnkit/cgnkit/internal/daemonfile"
)

func ExampleParse() {
	c, err := daemonfile.Parse("cgnd.yaml", []byte("ledger: /var/lib/cgnd/ledger.jsonl\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Backend, c.Instance, c.VerifyEvery, c.Listen.Unix)
	// Output: nftables cgn 5m0s /run/cgnd/cgnd.sock
}
