package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cgnkit/cgnkit/internal/daemonfile"
)

// runFolder is where the locks of daemons and, unless configured otherwise, the socket are. It is made at the start.
const runFolder = "/run/cgnd"

// lockFolder returns where the locks are: the first of the unit's folders, or runFolder.
func lockFolder() string {
	if folder, _, _ := strings.Cut(os.Getenv("RUNTIME_DIRECTORY"), ":"); folder != "" {
		return folder
	}
	return runFolder
}

// checkSocket reports what would keep the API from its socket, as far as that can be told beforehand.
func checkSocket(l daemonfile.Listen) error {
	if _, _, err := ownerOf(l); err != nil {
		return err
	}
	folder := filepath.Dir(l.Unix)
	st, err := os.Stat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist) && (folder == runFolder || folder == lockFolder()):
		return nil
	case err != nil:
		return fmt.Errorf("listen.unix: %s: its folder is needed: %w", l.Unix, err)
	case !st.IsDir():
		return fmt.Errorf("listen.unix: %s: %s is no folder", l.Unix, folder)
	}
	if st, err := os.Lstat(l.Unix); err == nil && st.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("listen.unix: %s exists, and is no socket", l.Unix)
	}
	return nil
}

// ownerOf returns whose the socket is to be; -1 = leave it.
func ownerOf(l daemonfile.Listen) (uid, gid int, err error) {
	uid, gid = -1, -1
	if l.User != "" {
		if uid, err = strconv.Atoi(l.User); err != nil {
			u, lookup := user.Lookup(l.User)
			if lookup != nil {
				return uid, gid, fmt.Errorf("listen.user: %w", lookup)
			}
			uid, err = strconv.Atoi(u.Uid)
		}
	}
	if l.Group != "" && err == nil {
		if gid, err = groupID(l.Group); err != nil {
			return uid, gid, fmt.Errorf("listen.group: %w", err)
		}
	}
	return uid, gid, err
}

// groupID returns the number of a group that is given by name or number.
func groupID(group string) (int, error) {
	if gid, err := strconv.Atoi(group); err == nil {
		return gid, nil
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(g.Gid)
}

// modeNote says what it means that everybody may open the socket, "" = not everybody may.
func modeNote(l daemonfile.Listen) string {
	if l.Mode&0o002 == 0 {
		return ""
	}
	return fmt.Sprintf("listen.mode %#o: every user and service of this machine may ask who has which ports, also for the past; 0660 and listen.group let those ask who are to", l.Mode)
}

// unitGroup is the group that the process has under the unit of the package, besides its own.
const unitGroup = "cgnd"

// ownerNote says what the unit of the package takes for a socket that belongs to somebody else, "" = nothing: there the process has
// neither CAP_CHOWN nor groups that are not named.
func ownerNote(l daemonfile.Listen) string {
	uid, gid, err := ownerOf(l)
	if err != nil {
		return ""
	}
	if uid > 0 {
		return fmt.Sprintf("listen.user %s: under the unit of the package the socket cannot be given away, as that takes CAP_CHOWN; let listen.group say who may ask", l.User)
	}
	if own, err := groupID(unitGroup); gid > 0 && (err != nil || gid != own) {
		return fmt.Sprintf("listen.group %s: under the unit of the package that takes SupplementaryGroups=%s: systemctl edit cgnd", l.Group, l.Group)
	}
	return ""
}
