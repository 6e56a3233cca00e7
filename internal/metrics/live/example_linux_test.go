package live_test

import (
	"fmt"

	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/metrics/live"
)

func ExamplePacketsOf() {
	for _, p := range live.PacketsOf([]ebpf.Counter{{Verdict: 0, Packets: 12, Bytes: 1200}, {Verdict: 5, Packets: 3, Bytes: 180}}) {
		fmt.Println(p.Result, p.Reason, p.Packets, p.Bytes)
	}
	// Output:
	// translated outbound 12 1200
	// passed not-outside 3 180
}
