//go:build !unix

package api

// syncFolder is for systems on which cgnd runs.
func syncFolder(string) error { return nil }
