package alloc

import (
	"crypto/aes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// A Key is the secret of a Random pool, an AES-128 key. A plan names it by its ID and never holds it. The zero Key, all
// zeros, is no key.
type Key struct{ bytes [16]byte }

// ParseKey reads 32 hexadecimal digits; white space around them is ignored. The error wraps ErrKey and does not quote
// what was given.
func ParseKey(s string) (Key, error) {
	var k Key
	b, err := hex.DecodeString(strings.TrimSpace(s))
	if err != nil || len(b) != len(k.bytes) {
		return Key{}, fmt.Errorf("%w: want 32 hexadecimal digits (AES-128), for example from 'openssl rand -hex 16'", ErrKey)
	}
	if copy(k.bytes[:], b); k == (Key{}) {
		return Key{}, fmt.Errorf("%w: a key of zeros hides nothing", ErrKey)
	}
	return k, nil
}

// ID returns the 16 hexadecimal digits by which plans name k: the start of a SHA-256 over the key. Being derived from the
// key, it makes a wrong key an error instead of a wrong answer. It does not help to find the key.
func (k Key) ID() string {
	sum := sha256.Sum256(append([]byte("cgnkit key id\x00"), k.bytes[:]...))
	return hex.EncodeToString(sum[:8])
}

// perAddress returns the key for one outside address (RFC 6431 section 2.2: "a different key K for each address"):
// the encryption of the address under k.
func (k Key) perAddress(a uint32) ([16]byte, error) {
	block, err := aes.NewCipher(k.bytes[:])
	if err != nil {
		return [16]byte{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	in := [16]byte{'c', 'g', 'n', 'k', 'i', 't', ' ', 'a', 'd', 'd', 'r', ' ', byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)}
	var out [16]byte
	block.Encrypt(out[:], in[:])
	return out, nil
}
