//go:build !linux

package ebpf

import "github.com/cgnkit/cgnkit/alloc"

// lacks is about the Linux kernel.
func lacks(*alloc.Plan, record) []string { return nil }
