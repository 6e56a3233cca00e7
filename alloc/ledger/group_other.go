//go:build !unix

package ledger

import "os"

func giveGroup(*os.File, os.FileInfo) bool { return true }
