package request_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/cgnkit/cgnkit/alloc/request"
)

func Example() {
	letter := `# request 123/2026
198.18.0.0:6000 2026-03-01T12:34:56Z
198.18.0.0:6000 2026-03-01 12:34:56
198.18.0.0 between 2026-02-09 16:20 and 16:30 UTC
`
	r, err := request.NewReader(strings.NewReader(letter), request.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Format())
	for q, err := range r.All() {
		switch {
		case err != nil:
			fmt.Println(err)
		case q.Err != nil:
			fmt.Printf("%d (line %d): %v\n", q.Number, q.Line, q.Err)
		case q.HasPort:
			fmt.Println(q.Number, q.Outside, q.Port, q.From.Format(time.RFC3339))
		default:
			fmt.Println(q.Number, q.Outside, q.From.Format(time.RFC3339), "until", q.To.Format(time.RFC3339))
		}
	}
	// Output:
	// plain
	// 1 198.18.0.0 6000 2026-03-01T12:34:56Z
	// 2 (line 3): time "2026-03-01 12:34:56": the time has no zone: add Z or an offset such as +01:00, or give the zone as an option
	// 3 198.18.0.0 2026-02-09T16:20:00Z until 2026-02-09T16:31:00Z
}

func ExampleParseTime() {
	for _, text := range []string{"12/Jul/2026:19:38:25 +0200", "2026-03-01 12:34 UTC", "03/04/2026 12:34 UTC"} {
		from, to, err := request.ParseTime(text, nil)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(from.Format(time.RFC3339), to.Sub(from))
	}
	// Output:
	// 2026-07-12T17:38:25Z 0s
	// 2026-03-01T12:34:00Z 1m0s
	// time "03/04/2026 12:34 UTC": day and month could be exchanged: write 2026-04-03 or 2026-03-04, or give the order of dates as an option
}
