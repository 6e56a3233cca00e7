package form_test

import (
	"encoding/json"
	"fmt"

	"github.com/cgnkit/cgnkit/internal/api/form"
)

func Example() {
	b, err := json.Marshal(form.Refusal{Error: "no such path"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(b))
	// Output: {"error":"no such path"}
}
