//go:build !linux

package daemon

import "errors"

var errLinux = errors.New("the backends need Linux")

// Nftables needs Linux.
func Nftables(string) (Backend, error) { return nil, errLinux }

// XDP needs Linux.
func XDP(XDPConfig) (Backend, error) { return nil, errLinux }
