// Package version says which release this tree is: once, for both commands, their man pages and the Debian package.
package version
