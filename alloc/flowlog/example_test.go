package flowlog_test

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/cgnkit/cgnkit/alloc/flowlog"
)

func Example() {
	const log = `[1772366400.123456]	    [NEW] tcp 6 120 SYN_SENT src=100.64.0.2 dst=203.0.113.9 sport=40000 dport=443 [UNREPLIED] src=203.0.113.9 dst=198.18.0.0 sport=443 dport=6000
[1772366401.123456]	    [NEW] tcp 6 120 SYN_SENT src=100.64.0.3 dst=203.0.113.7 sport=40000 dport=443 [UNREPLIED] src=203.0.113.7 dst=198.18.0.0 sport=443 dport=7072
`
	r, err := flowlog.NewReader(strings.NewReader(log), flowlog.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	question := flowlog.Filter{
		Outside: netip.MustParseAddr("198.18.0.0"), Destination: netip.MustParseAddrPort("203.0.113.9:0"),
		From: time.Date(2026, 3, 1, 12, 0, 10, 0, time.UTC), To: time.Date(2026, 3, 1, 12, 0, 20, 0, time.UTC), MaxAge: 2 * time.Hour,
	}
	for f := range r.Flows() {
		fmt.Println(f.Source, f.Match(question))
	}
	fmt.Println(r.Err())
	// Output:
	// 100.64.0.2:40000 maybe
	// 100.64.0.3:40000 no
	// <nil>
}
