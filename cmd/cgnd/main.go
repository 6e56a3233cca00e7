// Command cgnd makes the kernel follow a plan: that of a ledger at every instant, or that of a plan file.
//
// See docs/cgnd.md, or cgnd --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
