package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/cgnkit/cgnkit/alloc/answer"
	"github.com/cgnkit/cgnkit/alloc/request"
)

// An input is a file with requests that is read for its hash, which a report begins with, for what it states, and for its requests. What cannot
// be read again is copied to a temporary file first.
type input struct {
	name     string
	file     *os.File
	bytes    int64
	sha256   string
	again    hash.Hash // of the last time
	requests *request.Reader
}

func (e *env) openInputs(names []string) (inputs []*input, err error) {
	stdin := 0
	for _, name := range names {
		in := &input{name: name}
		if name == "-" {
			in.name = "standard input"
			if stdin++; stdin > 1 {
				closeInputs(inputs)
				return nil, badInput("give files for all but one", "--in - is given twice: standard input can be read once")
			}
		}
		if name == "-" {
			e.reads = "in"
		}
		if err := in.take(e.stdin, name); err != nil {
			closeInputs(inputs)
			return nil, badInput("", "--in: %v", err)
		}
		inputs = append(inputs, in)
	}
	return inputs, nil
}

// take opens the input and makes its hash.
func (in *input) take(stdin io.Reader, name string) error {
	from := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			in.file = f
			return in.digest(f)
		}
		defer f.Close()
		from = f
	}
	copied, err := os.CreateTemp("", "cgnctl-requests-*")
	if err != nil {
		return err
	}
	os.Remove(copied.Name()) // where the system allows it; nobody else is to read it
	in.file = copied
	return in.digest(io.TeeReader(from, copied))
}

func (in *input) digest(r io.Reader) (err error) {
	h := sha256.New()
	if in.bytes, err = io.Copy(h, r); err != nil {
		in.close()
		return fmt.Errorf("%s: %w", in.name, err)
	}
	in.sha256 = hex.EncodeToString(h.Sum(nil))
	return nil
}

// open looks what form the requests have. All of the input is read before, for the zones that it states itself and for what it says about ports.
func (in *input) open(o request.Options) (err error) {
	if err := in.rewind(); err != nil {
		return err
	}
	if o.Stated, err = request.ReadStated(in.file, o); err != nil {
		return badInput("", "%s: %v", in.name, err)
	}
	if err := in.rewind(); err != nil {
		return err
	}
	in.again = sha256.New()
	r, err := request.NewReader(io.TeeReader(in.file, in.again), o)
	if err != nil {
		return badInput("", "%s: %v", in.name, err)
	}
	in.requests = r
	return nil
}

func (in *input) rewind() error {
	if _, err := in.file.Seek(0, io.SeekStart); err != nil {
		return badInput("", "--in: %v", err)
	}
	return nil
}

// unchanged returns an error if the file was another one when it was read for its requests.
func (in *input) unchanged() error {
	if _, err := io.Copy(in.again, in.file); err != nil { // what a form leaves unread
		return err
	}
	if hex.EncodeToString(in.again.Sum(nil)) != in.sha256 {
		return fmt.Errorf("the file changed while it was read")
	}
	return nil
}

func (in *input) describe() answer.Input {
	return answer.Input{Name: in.name, Kind: "requests", Format: in.requests.Format().String(), Bytes: in.bytes, SHA256: in.sha256}
}

func (in *input) close() {
	if in.file != nil {
		in.file.Close()
		os.Remove(in.tempName())
	}
}

// tempName is the name of the copy, "" where there is none.
func (in *input) tempName() string {
	if in.file.Name() == in.name {
		return ""
	}
	return in.file.Name()
}

func closeInputs(inputs []*input) {
	for _, in := range inputs {
		in.close()
	}
}
