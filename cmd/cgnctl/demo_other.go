//go:build !linux

package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

// demoFlags adds none: there is no backend to choose.
func demoFlags(*cobra.Command) {}

// traffic needs the Linux kernel.
func (d *demo) traffic(context.Context) error {
	return fmt.Errorf("%w: network namespaces and nftables are Linux", errNoTraffic)
}
