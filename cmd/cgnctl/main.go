// Command cgnctl plans carrier-grade NAT port allocation and answers who owns which port, in both directions.
//
// See docs/cgnctl.md for the reference, or cgnctl --help.
package main

import "os"

func main() {
	os.Exit(run(newEnv(), os.Args[1:]))
}
