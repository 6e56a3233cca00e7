// Package netnstest gives tests their own networks in the kernel; see package netns, which it wraps.
//
// Tests that use it need root and are skipped, with the reason, for everyone else. As root nothing is skipped: a kernel or a
// tool that is missing fails the test, so that a green run means that the kernel was asked.
//
// Everything is made for one test and ends with it. Tests may run in parallel.
package netnstest
