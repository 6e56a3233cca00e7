package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/daemonfile"
)

// TestPipes has a pipe that nobody writes to, and a device without an end, stand where files should be: nobody waits for them.
func TestPipes(t *testing.T) {
	folder := t.TempDir()
	pipe, good := filepath.Join(folder, "pipe"), filepath.Join(folder, "plan.yaml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	lists := filepath.Join(folder, "lists.yaml")
	for path, text := range map[string]string{good: plan(1000), lists: strings.Replace(plan(1000), "inside: [100.64.0.0/24]", "inside: {file: pipe}", 1)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// listens has the socket be in a folder that is there.
	listen := func(c daemonfile.Config) daemonfile.Config {
		c.Backend, c.Listen.Unix = daemonfile.Nftables, filepath.Join(folder, "sock")
		return c
	}
	for _, no := range []string{pipe, "/dev/zero"} {
		for name, c := range map[string]daemonfile.Config{
			"plan":     {Plan: no},
			"ledger":   {Ledger: no},
			"key file": {Plan: good, KeyFiles: []string{no}},
			"policy":   {Plan: good, Policy: no},
			"port key": {Plan: good, PortKey: no},
			"list":     {Plan: lists},
		} {
			c = listen(c)
			said := make(chan error)
			go func() { said <- checkFiles(&c, io.Discard) }()
			select {
			case err := <-said:
				if err == nil || !strings.Contains(err.Error(), "regular file") {
					t.Errorf("%s %s: %v", name, no, err)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("%s %s: it waits", name, no)
			}
		}
	}
	for _, no := range []string{pipe, "/dev/zero"} {
		said := make(chan error)
		go func() {
			_, err := daemonfile.Load(no)
			said <- err
		}()
		select {
		case err := <-said:
			if err == nil || !strings.Contains(err.Error(), "regular file") {
				t.Errorf("configuration %s: %v", no, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("configuration %s: it waits", no)
		}
	}
	c := listen(daemonfile.Config{Plan: good})
	if err := checkFiles(&c, io.Discard); err != nil {
		t.Error(err)
	}
}
