package client_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/cgnkit/cgnkit/internal/api/client"
	"github.com/cgnkit/cgnkit/internal/api/form"
)

func ExampleClient_Get() {
	c, err := client.New(client.Config{Socket: "/nonexistent/cgnd.sock"})
	if err != nil {
		fmt.Println(err)
		return
	}
	var pools form.Pools
	err = c.Get(context.Background(), "/v1/pools", &pools)
	fmt.Println(errors.Is(err, client.ErrUnreachable))
	// Output: true
}
