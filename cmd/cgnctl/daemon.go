package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/internal/api/client"
)

// apiFlags say which daemon is asked.
type apiFlags struct{ client.Config }

func (f *apiFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.Socket, "socket", "", "socket of cgnd (default \""+client.DefaultSocket+"\")")
	cmd.Flags().StringVar(&f.URL, "url", "", "ask a cgnd on TCP, such as https://cgn1.example.net:9743")
	cmd.Flags().StringVar(&f.TokenFile, "token-file", "", "with --url: file with the token")
	cmd.Flags().StringVar(&f.CA, "ca", "", "with --url: file with the authorities to trust, as PEM (default: those of the system)")
	cmd.MarkFlagsMutuallyExclusive("socket", "url")
	for _, name := range []string{"socket", "token-file", "ca"} {
		_ = cmd.MarkFlagFilename(name)
	}
}

// given reports whether a daemon is named.
func (f *apiFlags) given() bool { return f.Config != client.Config{} }

// client returns what asks the daemon.
func (f *apiFlags) client(e *env) (*client.Client, error) {
	c, err := client.New(f.Config)
	if err != nil {
		hint := ""
		if f.URL != "" && f.TokenFile == "" {
			hint = "cgnd gen token makes one; then --token-file FILE"
		}
		return nil, badInput(hint, "%v", err)
	}
	if c.Exposed() {
		e.warn([]string{"the token goes to " + c.Where() + " so that everybody in between can read it: use https"})
	}
	return c, nil
}

// ask asks the daemon for a path.
func (f *apiFlags) ask(cmd *cobra.Command, e *env, path string, into any) error {
	c, err := f.client(e)
	if err != nil {
		return err
	}
	return apiFault(c.Get(cmd.Context(), path, into))
}

// apiFault gives errors of asking a daemon the hint that helps.
func apiFault(err error) error {
	if err == nil {
		return nil
	}
	said, refused := errors.AsType[*client.Refusal](err)
	hint := ""
	switch {
	case errors.Is(err, os.ErrPermission):
		hint = "the socket is for its owner and its group (listen.group): join that, or run it as root"
	case errors.Is(err, os.ErrNotExist):
		hint = "is cgnd running here? systemctl status cgnd; --socket or --url name another one"
	case errors.Is(err, client.ErrUnreachable):
		hint = "is cgnd running there? systemctl status cgnd"
	case refused && said.Code == http.StatusNotFound:
		return &fault{code: exitNobody, msg: printable(said.Text)}
	case refused && said.Code == http.StatusUnauthorized:
		hint = "the file that listen.tokens names has no such token; cgnd reads it again at a reload"
	case refused && said.Code == http.StatusServiceUnavailable:
		hint = "cgnctl status says more"
	}
	return &fault{code: exitInput, msg: printable(err.Error()), hint: hint}
}

// printable keeps control characters from a terminal: what a daemon says is its own.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// printableRecord keeps control characters in texts from a terminal.
func printableRecord(r record) record {
	for i, f := range r {
		if s, ok := f.v.(string); ok {
			r[i].v = printable(s)
		}
	}
	return r
}

// second is stamp without digits that nobody reads.
func second(t time.Time) string { return stamp(t.Truncate(time.Second)) }

// age says how long ago something was.
func age(t time.Time) string {
	d := time.Since(t)
	if d < time.Second {
		return "a moment ago"
	}
	return fmt.Sprintf("%v ago", d.Truncate(time.Second))
}
