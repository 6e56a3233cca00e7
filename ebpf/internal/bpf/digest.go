// Package bpf is the production object. All but this file is made by bpf2go.
package bpf

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"
)

// Digest returns the SHA-256 of the object, in hexadecimal: the identity of the program code.
var Digest = sync.OnceValue(func() string {
	sum := sha256.Sum256(_CgnatBytes)
	return hex.EncodeToString(sum[:])
})
