//go:build unix

package main

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// folderNote says that nothing can be written beside a ledger, by whom the check runs as; "" where it can, or there is no ledger.
func folderNote(path string) string {
	if path == "" {
		return ""
	}
	if name, err := filepath.EvalSymlinks(path); err == nil {
		path = name
	}
	folder := filepath.Dir(path)
	if err := unix.Access(folder, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Sprintf("the folder of the ledger, %s, cannot be written: %v: cgnd notes there what the kernel has, and without that nobody knows after a restart which epochs came in time", folder, err)
	}
	return ""
}
