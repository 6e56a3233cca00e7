package api

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseTokens(t *testing.T) {
	hash := "sha256:" + strings.Repeat("0f", 32)
	for text, want := range map[string]string{
		"":                                        "",
		"# nobody\n\n":                            "",
		"a read " + hash + "\nb admin " + hash:    "",
		"a read":                                  "f:1: want NAME ROLE sha256:HASH",
		"\na read cgnd_secretsecret":              "f:2: a: want sha256:",
		"a root " + hash:                          "a: want role read, trace or admin",
		"a/b read " + hash:                        `name "a/b"`,
		"a read " + hash + "\na trace " + hash:    "f:2: a stands twice",
		"a read sha256:00":                        "64 hexadecimal digits",
		"a read " + strings.Repeat("0f", 32):      "want sha256:",
		strings.Repeat("x", 65) + " read " + hash: "want 1 to 64 letters",
		strings.Repeat("#", maxTokenBytes+1):      "more than 1048576 bytes",
	} {
		_, err := ParseTokens("f", []byte(text))
		if want == "" && err != nil || want != "" && (!errors.Is(err, ErrTokens) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%v: it tells the secret", err)
		}
	}
	var many strings.Builder
	for i := range maxTokens + 1 {
		fmt.Fprintf(&many, "t%d read %s\n", i, hash)
	}
	if _, err := ParseTokens("f", []byte(many.String())); !errors.Is(err, ErrTokens) {
		t.Error(err)
	}
}

func TestFind(t *testing.T) {
	one, line1, err1 := NewToken("one", Trace)
	two, line2, err2 := NewToken("two", Read)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	tokens, err := ParseTokens("f", []byte(line1+"\n"+line2))
	if err != nil {
		t.Fatal(err)
	}
	if name, role, ok := tokens.find(one); name != "one" || role != Trace || !ok {
		t.Error(name, role, ok)
	}
	if name, role, ok := tokens.find(two); name != "two" || role != Read || !ok {
		t.Error(name, role, ok)
	}
	for _, secret := range []string{"", one + "x", strings.Repeat("x", maxToken+1), strings.Fields(line1)[2]} {
		if name, _, ok := tokens.find(secret); ok {
			t.Errorf("%.20q is %s", secret, name)
		}
	}
	if _, _, err := NewToken("a b", Read); !errors.Is(err, ErrTokens) {
		t.Error(err)
	}
}

func TestLoadTokens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	for mode, want := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: true, 0o644: false, 0o660: false, 0o602: false, 0o601: false} {
		writeFile(t, path, []byte("# nobody\n"), mode)
		if _, err := LoadTokens(path); (err == nil) != want || err != nil && !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %04o: %v", mode, err)
		}
		_ = os.Remove(path)
	}
	if _, err := LoadTokens(filepath.Dir(path)); err == nil {
		t.Error("a folder was taken")
	}
	if _, err := LoadTokens(path); !errors.Is(err, os.ErrNotExist) || !errors.Is(err, ErrTokens) {
		t.Error(err)
	}
	if os.Geteuid() == 0 {
		writeFile(t, path, nil, 0o600)
		if err := os.Chown(path, 12345, -1); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadTokens(path); err == nil || !strings.Contains(err.Error(), "belongs to user 12345") {
			t.Error(err)
		}
	}
}

func FuzzParseTokens(f *testing.F) {
	_, line, err := NewToken("a", Admin)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(line), "x")
	f.Add([]byte("# \x00\na read sha256:"), "")
	f.Fuzz(func(t *testing.T, text []byte, secret string) {
		tokens, err := ParseTokens("f", text)
		if err != nil {
			if !errors.Is(err, ErrTokens) {
				t.Error(err)
			}
			return
		}
		if name, role, ok := tokens.find(secret); ok && (name == "" || role < Read || role > Admin) {
			t.Errorf("%q is %q with role %v", secret, name, role)
		}
	})
}
