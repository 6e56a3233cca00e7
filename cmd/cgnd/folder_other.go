//go:build !unix

package main

// folderNote is for systems on which cgnd runs.
func folderNote(string) string { return "" }
