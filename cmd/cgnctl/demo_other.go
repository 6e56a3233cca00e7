//go:build !linux

package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

// demoFlags adds none: there is no backend to choose.
func demoFlags(*cobra.Command) *string { return new(string) }

// traffic needs the Linux kernel.
func (d *demo) traffic(context.Context) error {
	return fmt.Errorf("%w: network namespaces, nftables and XDP are Linux", errNoTraffic)
}
