// Package metrics shows Prometheus what a CGN does.
//
// The daemon implements [Source]: one plain [Snapshot] of what it knows, without asking the kernel. A [Collector] turns the last
// Snapshot into metrics at every scrape, on a registry of its own; see [Handler]. docs/metrics.md is written from the same list.
//
// Who uses how many ports is read from the live state now and then, never by a scrape: a [Survey] reads it in the background,
// adds it up in a [Tally] and keeps the last [Usage], whose age is a metric. It also feeds alarms (package alarm). Package
// metrics/live has the readers for both backends.
//
// Cardinality is bounded, whatever the plan: [MaxPools] pools have series of their own and the rest are added up as pool
// [OtherPools]; nothing is per address or per subscriber but an opt-in list of at most [MaxTop] subscribers.
package metrics
