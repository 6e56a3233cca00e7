// Package form has the answers of cgnd's API as both sides know them: internal/api writes them, internal/api/client reads them.
// docs/openapi.yaml describes them. The answer to GET /v1/status is a daemon.Snapshot.
package form
