//go:build !linux

package main

import "github.com/spf13/cobra"

// kernelCommands are few: what the others reach into is the Linux kernel.
func kernelCommands(e *env) []*cobra.Command { return []*cobra.Command{newStatus(e), newDemo(e)} }
