// Package api answers questions about a running daemon: HTTP with JSON on a unix socket.
//
// Everything is bounded: how long a client may take, how much it may send, how many are served and connected at once. Who asks
// is known from the socket. A trace names a subscriber, so it is written to an audit log before it is answered, and is refused
// where that cannot be done. docs/openapi.yaml describes every path.
package api
