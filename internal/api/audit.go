package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// An Audit is an append-only file of JSON lines: who asked what, when and why. The file is opened for every line, so that it can
// be rotated by renaming it. Make one with NewAudit.
type Audit struct {
	path   string
	others []File
	mu     sync.Mutex
	// For tests.
	wrap func(*os.File) auditFile // nil = the file as it is
	sync func(folder string) error
}

// An auditFile is what a line needs of a file.
type auditFile interface {
	io.WriteCloser
	io.ReaderAt
	Stat() (os.FileInfo, error)
	Sync() error
	Truncate(size int64) error
}

// NewAudit returns the audit log at path. The file is made when it is needed; nobody but its
// owner and group can read it, and the umask may leave out the latter. It is none of the others: a trace is refused then, and none of them is written to.
func NewAudit(path string, others ...File) *Audit {
	return &Audit{path: path, others: others, sync: syncFolder}
}

// Fits reports whether there may be a log, without making one: what is there, if anything, is a regular file and no other one of the configuration.
// It notes that its folder is missing, which whoever starts the daemon may make before.
func (a *Audit) Fits() (note string, err error) {
	if err := a.Apart(); err != nil {
		return "", err
	}
	switch st, err := os.Stat(a.path); {
	case err == nil && !st.Mode().IsRegular():
		return "", fmt.Errorf("audit log: %s is no regular file", a.path)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("audit log: %w", err)
	}
	folder := filepath.Dir(a.path)
	if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) && folder != unitMakes {
		note = folder + ", of the audit log, is not there yet: as long as that is so, no trace is answered"
	}
	return note, nil
}

// unitMakes is a folder that the systemd unit makes before the daemon starts.
const unitMakes = "/var/log/cgnd"

// Check reports whether a line could be written, and writes none.
func (a *Audit) Check() error {
	f, err := a.open()
	if err != nil {
		return err
	}
	return f.Close()
}

func (a *Audit) open() (auditFile, error) {
	if err := a.Apart(); err != nil { // before it is made
		return nil, err
	}
	f, err := os.OpenFile(a.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	if !isAudit(f) {
		return nil, errors.Join(fmt.Errorf("audit log: %s has something else in it: the log needs a file of its own", a.path), f.Close())
	}
	if a.wrap != nil {
		return a.wrap(f), nil
	}
	return f, nil
}

// isAudit reports whether a file may be an audit log, by how it begins: empty, with a line or a part of one, or with the zeros that a machine leaves
// which has lost its power.
func isAudit(f *os.File) bool {
	begin := make([]byte, len(auditBegin))
	n, err := f.ReadAt(begin, 0)
	begin = bytes.TrimLeft(begin[:n], "\x00\n")
	return (err == nil || errors.Is(err, io.EOF)) && strings.HasPrefix(auditBegin, string(begin))
}

// auditBegin is how every line begins.
const auditBegin = `{"time":`

// An auditLine is a line of the log.
type auditLine struct {
	Time      time.Time `json:"time"`
	UID       *uint32   `json:"uid"` // null where the kernel does not say
	PID       *int32    `json:"pid"`
	Token     string    `json:"token,omitempty"`  // its name, on TCP
	Remote    string    `json:"remote,omitempty"` // address and port, on TCP
	Action    string    `json:"action"`
	Outside   string    `json:"outside"`
	Port      *uint16   `json:"port"`
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	Case      string    `json:"case"`
	Reason    string    `json:"reason"`
	Status    string    `json:"status"` // of the answer, without the subscriber
	Candidate int       `json:"candidates"`
}

// write makes a line durable.
func (a *Audit) write(line auditLine) (err error) {
	b, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	f, err := a.open()
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // what counts is durable before
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	if !st.Mode().IsRegular() {
		return fmt.Errorf("audit log: %s is no regular file", a.path)
	}
	first := st.Size() == 0
	if torn(f, st.Size()) {
		b, first = append([]byte{'\n'}, b...), true
	}
	if _, err = f.Write(append(b, '\n')); err == nil {
		err = f.Sync()
	}
	if err == nil && first { // the name of the file is to last as its lines
		err = a.sync(filepath.Dir(realName(a.path)))
	}
	if err != nil {
		// What was written of a line, on a disk that is full, is taken back as well as may be; torn lines are also seen later.
		return fmt.Errorf("audit log: %w", errors.Join(err, f.Truncate(st.Size())))
	}
	return nil
}

// torn reports whether the last line has no end: the machine or the disk gave up in the middle of it.
func torn(f auditFile, size int64) bool {
	last := make([]byte, 1)
	if size == 0 {
		return false
	}
	_, err := f.ReadAt(last, size-1)
	return err == nil && last[0] != '\n'
}
