// Package packaging has what the Debian package is made of, and the tests that install it. It has no code of its own: deb.sh
// builds the package, the maintainer scripts are in deb/, unit and man page with their command in cmd/cgnd/dist.
//
// The tests install the package in a box: a copy-on-write view of this system in namespaces of its own, which is gone with its
// first process. One box is booted by a real systemd, which runs the unit; the commands of docs/operations.md run in another.
package packaging
