package holder_test

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/cgnkit/cgnkit/alloc/holder"
)

func Example() {
	const detail = `Sun Mar  1 11:02:10 2026
	Acct-Status-Type = Start
	Acct-Session-Id = "81a00004"
	User-Name = "joao@isp"
	Framed-IP-Address = 100.64.0.2
	NAS-IP-Address = 192.0.2.1
	Event-Timestamp = "Mar  1 2026 11:02:10 UTC"

Sun Mar  1 13:00:00 2026
	Acct-Status-Type = Interim-Update
	Acct-Session-Id = "81a00004"
	User-Name = "joao@isp"
	Framed-IP-Address = 100.64.0.2
	NAS-IP-Address = 192.0.2.1
	Event-Timestamp = "Mar  1 2026 13:00:00 UTC"

`
	book := holder.New(holder.Limits{})
	if err := book.ReadRADIUS(strings.NewReader(detail), "detail-20260301", holder.Options{}); err != nil {
		fmt.Println(err)
		return
	}
	inside := netip.MustParseAddr("100.64.0.2")
	for _, clock := range []string{"12:34:56", "13:40:00"} {
		at, _ := time.Parse(time.DateTime, "2026-03-01 "+clock)
		answer := book.At("", inside, at, at, 5*time.Second)
		fmt.Println(clock, answer)
		if p, ok := answer.Person(); ok {
			fmt.Printf("%q session %q, %s\n", p.User, p.Session, p.Source)
		}
	}
	// Output:
	// 12:34:56 one
	// "joao@isp" session "81a00004", detail-20260301:1
	// 13:40:00 uncertain: no Stop seen
}
