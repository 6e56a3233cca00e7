package lines_test

import (
	"fmt"
	"strings"

	"github.com/cgnkit/cgnkit/alloc/internal/lines"
)

func Example() {
	l, err := lines.New(strings.NewReader("one\r\ntwo"), lines.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for l.Next() {
		fmt.Printf("%d %s\n", l.Number(), l.Line())
	}
	fmt.Println(l.Err())
	// Output:
	// 1 one
	// 2 two
	// <nil>
}
