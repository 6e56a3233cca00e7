package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNobodyIsSaidByCgnd: exit 1 says that there is no such subscriber, which only cgnd knows. What else may answer at an address, such as
// that of its metrics, says nothing about that.
func TestNobodyIsSaidByCgnd(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("cgnd_x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]int{
		`{"error":"100.64.0.1 in realm default: not a subscriber of this plan"}`: exitNobody,
		"404 page not found": exitInput, "": exitInput, "{}": exitInput, `{"error":""}`: exitInput, "<html>": exitInput,
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, body)
		}))
		var out, talk bytes.Buffer
		code := run(&env{stdin: strings.NewReader(""), stdout: &out, stderr: &talk}, []string{"sub", "100.64.0.1", "--url", s.URL, "--token-file", secret})
		if code != want || out.Len() > 0 || code == exitInput && !strings.Contains(talk.String(), "none of cgnd's: 404 Not Found") {
			t.Errorf("%q: exit %d, %s", body, code, talk.String())
		}
		s.Close()
	}
}
