package api

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cgnkit/cgnkit/internal/gate"
)

// ErrInUse means: another process answers at a socket.
var ErrInUse = errors.New("another process answers there")

// limits are how many connections there may be: each listener has its own. One host, and on a unix socket one user, gets a part of the places
// of those who have not shown yet who they are; and so does one user or token of those who have.
var limits = gate.Limits{
	Guests: 256, GuestsOfOne: 32, Known: 256, KnownOfOne: 64, Waiting: 1024,
	Grace: 2 * time.Second, // a handshake of TLS takes some ms, and several times the way there and back
	Stay:  5 * time.Second,
}

// ListenUnix listens on a unix socket with the given permissions and owner; -1 leaves user or group as they are. What a process
// that was killed has left is replaced; a socket at which somebody answers, and what is no socket, is not. In a folder where
// every user may exchange the socket for his own there is none. dropped is told of every connection that is closed because of the bounds.
func ListenUnix(path string, mode fs.FileMode, uid, gid int, dropped func(gate.Reason)) (net.Listener, error) {
	if err := errors.Join(requireFolder(filepath.Dir(path)), removeStale(path)); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	err = os.Chown(path, uid, gid)
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: who is not root gives a socket to groups that he is in, and to no other user: under systemd, name the group in SupplementaryGroups= of the unit, and leave listen.user out", err)
	}
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	st, err := os.Lstat(path)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	u, ok := l.(*net.UnixListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("listen on %s: %T is no unix socket", path, l), l.Close())
	}
	return &socket{gate.New(l, limits, user, dropped), u, path, st}, nil
}

// A socket is a listener on a unix socket, which somebody may remove.
type socket struct {
	net.Listener
	unix *net.UnixListener
	path string
	made fs.FileInfo
}

// Lost returns an error where the path is no longer that of the socket: nobody gets there by it. What stands there then is left when the listener is
// closed.
func (s *socket) Lost() error {
	st, err := os.Lstat(s.path)
	switch {
	case err == nil && os.SameFile(st, s.made):
		return nil
	case err == nil:
		err = fmt.Errorf("%s was replaced by something else", s.path)
	default:
		err = fmt.Errorf("the socket is gone: %w", err)
	}
	s.unix.SetUnlinkOnClose(false)
	return err
}

// requireFolder refuses a folder in which every user of the machine may remove and make files, whoever owns them: who asks at the
// socket would ask whoever put it there.
func requireFolder(path string) error {
	st, err := os.Stat(path)
	if err == nil && st.Mode().Perm()&0o002 != 0 && st.Mode()&fs.ModeSticky == 0 {
		err = fmt.Errorf("every user of the machine may exchange files in %s (mode %o): use another folder, or `chmod o-w %[1]s`", path, st.Mode().Perm())
	}
	return err
}

func removeStale(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode().Type() != fs.ModeSocket {
		return errors.New("it exists, and is no socket")
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = c.Close() // nothing was said on it
		return ErrInUse
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w: %w", ErrInUse, err) // one that does not get round to answering
	}
	return os.Remove(path)
}

// ListenTCP listens on an address for who has a token, with TLS where the credentials have a certificate. [::] is all addresses of both
// families, and 0.0.0.0 those of IPv4. dropped is told of every connection that is closed because of the bounds.
func ListenTCP(at netip.AddrPort, c *Credentials, dropped func(gate.Reason)) (net.Listener, error) {
	l, err := gate.ListenTCP(at)
	if err != nil {
		return nil, err
	}
	l = gate.New(l, limits, gate.Owner, dropped)
	if t := c.config(); t != nil {
		l = tls.NewListener(l, t)
	}
	return l, nil
}
