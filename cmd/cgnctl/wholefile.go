package main

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
)

// A wholeFile takes the place of a file when all of it is written.
type wholeFile struct {
	*bufio.Writer
	path string
	mode os.FileMode
	temp *os.File
	done bool
}

func newWholeFile(path string, mode os.FileMode) (*wholeFile, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return nil, err
	}
	return &wholeFile{bufio.NewWriter(f), path, mode, f, false}, nil
}

// keep puts the file into its place.
func (f *wholeFile) keep() error {
	f.done = true
	err := errors.Join(f.Flush(), f.temp.Chmod(f.mode), f.temp.Sync(), f.temp.Close())
	if err == nil {
		err = os.Rename(f.temp.Name(), f.path)
	}
	if err != nil {
		_ = os.Remove(f.temp.Name())
	}
	return err
}

// drop forgets what was written, unless it is in its place.
func (f *wholeFile) drop() error {
	if f.done {
		return nil
	}
	f.done = true
	return errors.Join(f.temp.Close(), os.Remove(f.temp.Name()))
}
