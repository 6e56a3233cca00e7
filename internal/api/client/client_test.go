package client

import (
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConfig(t *testing.T) {
	token := file(t, " secret\n")
	for _, c := range []struct {
		config Config
		want   string // of the error
	}{
		{Config{}, ""},
		{Config{Socket: "/s"}, ""},
		{Config{URL: "https://h:1", TokenFile: token}, ""},
		{Config{URL: "http://[::1]:1/", TokenFile: token}, ""},
		{Config{URL: "https://h:1"}, "wants a token"},
		{Config{Socket: "/s", URL: "https://h:1", TokenFile: token}, "not both"},
		{Config{TokenFile: token}, "belong to a URL"},
		{Config{URL: "h:1", TokenFile: token}, "want https://HOST:PORT"},
		{Config{URL: "ftp://h", TokenFile: token}, "want https://HOST:PORT"},
		{Config{URL: "https://u:p@h", TokenFile: token}, "want https://HOST:PORT"},
		{Config{URL: "https://h/v1", TokenFile: token}, "want https://HOST:PORT"},
		{Config{URL: "https://h?x", TokenFile: token}, "want https://HOST:PORT"},
		{Config{URL: "http://h", TokenFile: token, CA: token}, "belong to https"},
		{Config{URL: "https://h", TokenFile: token, CA: token}, "no certificate"},
		{Config{URL: "https://h", TokenFile: file(t, "")}, "want one token"},
		{Config{URL: "https://h", TokenFile: file(t, "a b")}, "want one token"},
		{Config{URL: "https://h", TokenFile: file(t, strings.Repeat("x", maxSecret+1))}, "more than 4096 bytes"},
	} {
		got, err := New(c.config)
		if c.want == "" && (err != nil || got.Where() == "") || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v, want %q", c.config, err, c.want)
		}
	}
	if _, err := New(Config{URL: "https://h", TokenFile: "/nonexistent"}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestExposed(t *testing.T) {
	token := file(t, "secret")
	for url, want := range map[string]bool{
		"http://192.0.2.1:1": true, "http://cgn1": true, "http://localhost:1": false, "http://127.0.0.1:1": false, "http://[::1]:1": false, "https://cgn1": false,
	} {
		c, err := New(Config{URL: url, TokenFile: token})
		if err != nil {
			t.Fatal(err)
		}
		if c.Exposed() != want {
			t.Errorf("%s: %t", url, !want)
		}
	}
	if c, err := New(Config{}); err != nil || c.Exposed() {
		t.Error("a socket is exposed", err)
	}
}

// TestGet asks servers that answer well and badly.
func TestGet(t *testing.T) {
	mux := http.NewServeMux()
	for path, answer := range map[string]string{"/good": `{"a":7}`, "/empty": "", "/html": "<html>"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer secret" {
				w.WriteHeader(http.StatusUnauthorized)
			}
			fmt.Fprint(w, answer)
		})
	}
	mux.HandleFunc("/refused", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, `{"error":"not now"}`)
	})
	mux.HandleFunc("/elsewhere", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/good", http.StatusFound) })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for range maxAnswer/1024 + 2 {
			if _, err := w.Write(make([]byte, 1024)); err != nil {
				return
			}
		}
	})
	s := httptest.NewTLSServer(mux)
	defer s.Close()
	ca := file(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	c, err := New(Config{URL: s.URL, TokenFile: file(t, "secret\n"), CA: ca})
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ A int }
	if err := c.Get(t.Context(), "/good", &v); err != nil || v.A != 7 {
		t.Error(v, err)
	}
	for path, want := range map[string]string{"/empty": "none of cgnd's", "/html": "none of cgnd's", "/endless": "more than", "/elsewhere": "send us elsewhere", "/nowhere": "none of cgnd's: 404 Not Found"} {
		if err := c.Get(t.Context(), path, &v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if r, ok := errors.AsType[*Refusal](c.Get(t.Context(), "/refused", &v)); !ok || *r != (Refusal{409, "not now"}) {
		t.Errorf("%+v", r)
	}
	if c, err = New(Config{URL: s.URL, TokenFile: file(t, "secret")}); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), "/good", &v); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown authority: %v", err)
	}
}

func TestSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	c, err := New(Config{Socket: path})
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := c.Get(t.Context(), "/", &v); !errors.Is(err, ErrUnreachable) || !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"x":1}`) }))
	}()
	defer func() { _ = l.Close() }()
	if err := c.Get(t.Context(), "/", &v); err != nil || v["x"] != 1.0 {
		t.Error(v, err)
	}
}
