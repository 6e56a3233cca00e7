// Package conformance says requirement by requirement what the RFCs ask of a carrier-grade NAT and which of it a backend does.
//
// [Catalogue] holds the requirements, [Backend] the verdicts of one backend. Every verdict that can be shown has a probe of the
// same name in this package's tests, which asserts exactly what the verdict claims: a "no" is shown as well, so that the test
// fails when a kernel learns what it could not do. docs/conformance.md is written from a run of these tests.
package conformance
