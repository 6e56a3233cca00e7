// Package api answers questions about a running daemon: HTTP with JSON on a unix socket, and on TCP.
//
// Everything is bounded: how long a client may take to send and to read, how much it may send, how many are served and connected at once, on
// each listener by itself, and of one host, user or token a part of that. Who asks is known from the socket, or from a token, and is found
// out before anything else. A trace names a subscriber, so it is written to an audit log
// before it is answered, and is refused where that cannot be done. docs/openapi.yaml describes every path, and package form has the answers.
package api
