package api

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// ErrTokens means: a file with tokens is not valid.
var ErrTokens = errors.New("tokens")

// The bounds of a file with tokens.
const (
	maxTokenBytes = 1 << 20
	maxTokens     = 1000
	maxTokenName  = 64
	maxToken      = 512 // bytes of a token
)

const (
	tokenPrefix = "cgnd_" // so that scanners for secrets know one
	hashPrefix  = "sha256:"
)

// Tokens are who may use the API on TCP. Of a token there is only the SHA-256: tokens are random and long, so nobody finds one
// from that.
type Tokens struct{ all []token }

type token struct {
	name string
	role Role
	hash [sha256.Size]byte
}

// NewToken makes a token, and the line for a file with tokens that lets it in.
func NewToken(name string, role Role) (secret, line string, err error) {
	if err := checkTokenName(name); err != nil {
		return "", "", err
	}
	b := make([]byte, 32)
	_, _ = rand.Read(b) // it never fails
	secret = tokenPrefix + base64.RawURLEncoding.EncodeToString(b)
	return secret, fmt.Sprintf("%s %v %s%x", name, role, hashPrefix, sha256.Sum256([]byte(secret))), nil
}

func checkTokenName(name string) error {
	ok := name != "" && len(name) <= maxTokenName
	for _, c := range []byte(name) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.@", c) >= 0)
	}
	if !ok {
		return fmt.Errorf("%w: name %q: want 1 to %d letters, digits, or any of -_.@", ErrTokens, name, maxTokenName)
	}
	return nil
}

// ParseTokens reads a file with tokens: a name, a role and sha256:HASH a line; # begins a comment. file is for messages.
func ParseTokens(file string, text []byte) (*Tokens, error) {
	if len(text) > maxTokenBytes {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", ErrTokens, file, maxTokenBytes)
	}
	t, names := &Tokens{}, map[string]bool{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxTokenBytes+1)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		one, err := parseToken(fields)
		switch {
		case err != nil:
		case names[one.name]:
			err = fmt.Errorf("%s stands twice", one.name)
		case len(t.all) == maxTokens:
			err = fmt.Errorf("there are more than %d tokens", maxTokens)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %s:%d: %w", ErrTokens, file, n, err)
		}
		names[one.name] = true
		t.all = append(t.all, one)
	}
	return t, nil
}

// parseToken reads a line. What it refuses it does not repeat: it may be a secret.
func parseToken(fields []string) (t token, err error) {
	var ok bool
	if len(fields) != 3 {
		return t, errors.New("want NAME ROLE sha256:HASH")
	}
	if err := checkTokenName(fields[0]); err != nil {
		return t, err
	}
	t.name = fields[0]
	if t.role, ok = ParseRole(fields[1]); !ok {
		return t, fmt.Errorf("%s: want role read, trace or admin", t.name)
	}
	h, ok := strings.CutPrefix(fields[2], hashPrefix)
	b, err := hex.DecodeString(h)
	if !ok || err != nil || len(b) != len(t.hash) {
		return t, fmt.Errorf("%s: want sha256: and the 64 hexadecimal digits of the token's SHA-256; cgnd gen token makes both", t.name)
	}
	copy(t.hash[:], b)
	return t, nil
}

// LoadTokens reads a file that nobody but its owner and group may read, and nobody but its owner may write to.
func LoadTokens(path string) (*Tokens, error) {
	text, err := readGuarded(path, maxTokenBytes, 0o027)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTokens, err)
	}
	return ParseTokens(path, text)
}

// readGuarded reads a regular file that belongs to root or the user of the process, and whose mode has none of some bits.
func readGuarded(path string, most int64, not fs.FileMode) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|dontWait, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	switch uid, known := ownerOf(st); {
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", path)
	case known && st.Mode().Perm()&not != 0:
		return nil, fmt.Errorf("%s has mode %04o, which lets others in: chmod 600 %s", path, st.Mode().Perm(), path)
	case known && uid != 0 && uid != os.Geteuid():
		return nil, fmt.Errorf("%s belongs to user %d, who could let anybody in: chown root %s", path, uid, path)
	}
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s has more than %d bytes", path, most)
	}
	return b, err
}

// find returns whose token it is. It takes as long for a token that is nearly right as for any other.
func (t *Tokens) find(secret string) (name string, role Role, ok bool) {
	if len(secret) > maxToken {
		return "", 0, false
	}
	hash := sha256.Sum256([]byte(secret))
	at := -1
	for i := range t.all {
		at = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(t.all[i].hash[:], hash[:]), i, at)
	}
	if at < 0 {
		return "", 0, false
	}
	return t.all[at].name, t.all[at].role, true
}
