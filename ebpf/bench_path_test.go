//go:build linux

package ebpf

import (
	"errors"
	"math/bits"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bench"
)

// learned is how many new mappings a figure is of, at least: a thousand alone take half a millisecond, which says little.
const learned = 7 << 10

// BenchmarkTranslation reports what a translation costs in the kernel, without routing and redirect: nanoseconds over what
// the same program takes that only writes the packet. The programs alternate; the figure is the median of the rounds.
func BenchmarkTranslation(b *testing.B) {
	for _, c := range []struct {
		name               string
		flows, subscribers int
	}{
		{"1k flows", 1 << 10, 1 << 8},
		{"131k flows", 1 << 17, 1 << 13},
		{"1M flows", 1 << 20, 1 << 16},
	} {
		for _, p := range []struct {
			name   string
			number uint32
		}{{"UDP", unix.IPPROTO_UDP}, {"TCP", unix.IPPROTO_TCP}} {
			b.Run(c.name+" "+p.name, func(b *testing.B) {
				pin(b)
				var w *workload
				var made []float64
				for range max(1, learned/c.flows) {
					w = newWorkload(b, c.flows, c.subscribers, p.number)
					w.set("fresh", 1)
					made = append(made, w.time("bench_learn", c.flows)-w.time("bench_in_floor", c.flows))
					w.set("fresh", 0)
				}
				var inFloor, in, outFloor, out []float64
				for range 7 {
					inFloor = append(inFloor, w.time("bench_in_floor", 400_000))
					in = append(in, w.time("bench_in", 400_000))
					outFloor = append(outFloor, w.time("bench_out_floor", 400_000))
					out = append(out, w.time("bench_out", 400_000))
				}
				b.ReportMetric(median(inFloor), "floor-ns")
				b.ReportMetric(median(in)-median(inFloor), "in-out-ns")
				b.ReportMetric(median(out)-median(outFloor), "out-in-ns")
				b.ReportMetric(median(made), "new-ns")
				b.ReportMetric(0, "ns/op")
				w.check()
			})
		}
	}
}

// BenchmarkRefused reports what a packet costs for which no port is free: what a subscriber sends in vain must not slow others
// down, however many ports it has.
func BenchmarkRefused(b *testing.B) {
	for _, ports := range []int{1024, 64512} {
		b.Run(strconv.Itoa(ports)+" ports", func(b *testing.B) {
			pin(b)
			plan := mustPlan(b, alloc.PoolSpec{Inside: spans("10.0.0.0/32"), Outside: spans("198.18.0.0/32"), PortsPerSubscriber: ports})
			w := loadWorkload(b, plan, 1<<16, 1)
			w.set("fresh", 1)
			filled := w.time("bench_in", ports) - w.time("bench_in_floor", ports)
			w.check()
			var refused []float64
			for range 7 { // beginning where the share is full
				w.set("turn", uint32(ports))
				refused = append(refused, w.run("bench_in", 1<<16-ports)-w.time("bench_in_floor", 1<<16-ports))
			}
			var failed uint32
			if err := w.coll.Variables["failed"].Get(&failed); err != nil || failed != uint32(7*(1<<16-ports)) {
				b.Errorf("%d packets were refused (error %v)", failed, err)
			}
			b.ReportMetric(filled, "fill-ns")
			b.ReportMetric(median(refused), "refused-ns")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// pin keeps the benchmark on one CPU.
func pin(b *testing.B) {
	runtime.LockOSThread()
	b.Cleanup(runtime.UnlockOSThread)
	var one unix.CPUSet
	one.Set(1)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		b.Fatal(err)
	}
}

// A workload is a plan and a number of flows in the bench object.
type workload struct {
	b    *testing.B
	coll *ebpf.Collection
}

func newWorkload(b *testing.B, flows, subscribers int, protocol uint32) *workload {
	b.Helper()
	inside := netip.PrefixFrom(netip.MustParseAddr("10.0.0.0"), 32-bits.TrailingZeros(uint(subscribers)))
	w := loadWorkload(b, mustPlan(b, alloc.PoolSpec{Inside: spans(inside.String()), Outside: spans("198.18.0.0/20"), PortsPerSubscriber: 1024}), flows, (subscribers+62)/63)
	w.set("subscribers", uint32(subscribers-1))
	w.set("subscriber_bits", uint32(bits.TrailingZeros(uint(subscribers))))
	w.set("protocol", protocol)
	return w
}

// loadWorkload loads the bench object with a plan whose subscribers begin at 10.0.0.0, with memory for some outside addresses.
func loadWorkload(b *testing.B, plan *alloc.Plan, flows, addresses int) *workload {
	b.Helper()
	root(b)
	tables, err := NewTables(plan)
	if err != nil {
		b.Fatal(err)
	}
	tables.rows = tables.rows[:addresses]
	spec := must(bench.LoadBench())
	spec.Maps["learned"].MaxEntries = uint32(flows)
	w := &workload{b: b, coll: loadUnpinned(b, spec, tables)}
	mac, _ := macNumber(labMAC[fromInside])
	if err := w.coll.Maps["macs"].Put(uint32(1), mac); err != nil { // of lo, where the kernel has the packets of a test come in
		b.Fatal(err)
	}
	w.set("flows", uint32(flows-1))
	w.set("first", 10<<24)
	w.set("remote", wire(netip.MustParseAddr("203.0.113.1")))
	w.set("protocol", unix.IPPROTO_UDP)
	return w
}

// loadUnpinned loads an object with tables, and leaves no trace of it.
func loadUnpinned(tb testing.TB, spec *ebpf.CollectionSpec, tables *Tables) *ebpf.Collection {
	tb.Helper()
	b := &builder{generation: &generation{plan: tables.plan, tables: tables}, spec: spec}
	b.record = must(newRecord(Config{Plan: tables.plan}, nil))
	if err := b.configure(); err != nil {
		tb.Fatal(err)
	}
	b.coll = must(ebpf.NewCollection(spec))
	tb.Cleanup(b.coll.Close)
	if err := errors.Join(b.fill(), b.addAddresses()); err != nil {
		tb.Fatal(err)
	}
	return b.coll
}

func (w *workload) set(name string, value uint32) {
	w.b.Helper()
	if err := w.coll.Variables[name].Set(value); err != nil {
		w.b.Fatal(err)
	}
}

// time returns the nanoseconds of one run of a program, over n runs from the first flow on.
func (w *workload) time(program string, n int) float64 {
	w.b.Helper()
	w.set("turn", 0)
	return w.run(program, n)
}

// run is time from where the last run ended.
func (w *workload) run(program string, n int) float64 {
	w.b.Helper()
	_, each, err := w.coll.Programs[program].Benchmark(append(slices.Clone(labMAC[fromInside]), packet[6:]...), n, nil)
	if err != nil {
		w.b.Fatal(err)
	}
	return float64(each.Nanoseconds())
}

// check fails when a packet was not translated.
func (w *workload) check() {
	w.b.Helper()
	var failed uint32
	if err := w.coll.Variables["failed"].Get(&failed); err != nil {
		w.b.Fatal(err)
	}
	if failed > 0 {
		w.b.Errorf("%d packets were not translated", failed)
	}
}
