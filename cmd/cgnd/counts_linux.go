package main

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
	"github.com/cgnkit/cgnkit/internal/metrics"
	"github.com/cgnkit/cgnkit/internal/metrics/live"
	"github.com/cgnkit/cgnkit/nat44"
)

// How often the kernel's own counters are read for metrics, at most, and below which part of the time that stays.
const (
	countEvery = 15 * time.Second
	countShare = 500
)

// kernelCounts are what the kernel counts by itself. What could not be read is nil.
type kernelCounts struct {
	conntrack  *metrics.Conntrack
	packets    []metrics.PacketCount
	mappings   *metrics.Protocols
	refusals   []metrics.Refusal
	lost       *uint64
	interfaces []metrics.Interface
	maps       []metrics.MapFill
	mapBytes   *uint64
}

// show puts the counts into a snapshot.
func (k *kernelCounts) show(s *metrics.Snapshot) {
	s.Conntrack, s.Packets, s.NewMappings, s.Refusals, s.LostEvents = k.conntrack, k.packets, k.mappings, k.refusals, k.lost
	s.Interfaces, s.MapBytes = k.interfaces, k.mapBytes
	s.Maps = append([]metrics.MapFill(nil), k.maps...)
}

// A kernelCounter reads the counts of a backend.
type kernelCounter interface {
	read(*kernelCounts) error
}

// counter returns what reads the counts of the backend.
func (m *meter) counter() (kernelCounter, error) {
	if m.config.Backend == daemonfile.XDP {
		return &xdpCounter{meter: m}, nil
	}
	reader, err := live.OpenNFTables() // of its own: a long listing of flows does not keep it waiting
	if err != nil {
		return nil, err
	}
	return &nftablesCounter{config: m.config, reader: reader}, nil
}

// count reads the kernel's counters until ctx ends.
func (m *meter) count(ctx context.Context, c kernelCounter, ended func(error)) {
	for {
		wait := time.Second // until there is a plan
		if m.daemon.Plan() != nil {
			k, began := &kernelCounts{}, time.Now()
			ended(c.read(k))
			m.kernel.Store(k)
			wait = max(min(countEvery, m.config.UsageEvery), countShare*time.Since(began))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

type nftablesCounter struct {
	config *daemonfile.Config
	reader *live.NFTables
}

func (n *nftablesCounter) read(k *kernelCounts) error {
	var errs []error
	c, err := live.OpenConntrack()
	if err == nil {
		k.conntrack, err = c.Read()
		c.Close()
	}
	if !errors.Is(err, fs.ErrNotExist) { // it is there as soon as something is translated
		errs = append(errs, err)
	}
	if k.packets, err = n.reader.Packets(n.config.Instance); !errors.Is(err, nat44.ErrNotLoaded) { // that is drift
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

type xdpCounter struct {
	*meter
	applied time.Time // the apply after which the memory was added up
	bytes   *uint64
}

func (x *xdpCounter) read(k *kernelCounts) error {
	applied := x.daemon.Snapshot().Apply.At
	d, err := openXDP(x.config)
	if err != nil {
		if errors.Is(err, ebpf.ErrNotLoaded) { // that is drift
			return nil
		}
		return err
	}
	defer func() { _ = d.Close() }()
	var errs []error
	counters, err := d.Counters()
	errs = append(errs, err)
	k.packets = live.PacketsOf(counters)
	if t, err := d.Tallies(); err == nil {
		k.mappings, k.refusals = live.MappingsOf(t), live.RefusalsOf(t)
	} else {
		errs = append(errs, err)
	}
	if n, err := d.LostEvents(); err == nil {
		k.lost = &n
	} else {
		errs = append(errs, err)
	}
	if f, err := d.Displaced(); err == nil {
		k.maps = append(k.maps, metrics.MapFill{Name: "displaced", Entries: f.Entries, Capacity: f.Capacity})
	} else {
		errs = append(errs, err)
	}
	links, err := d.Links()
	if !errors.Is(err, ebpf.ErrChanged) { // while a plan takes the place of another
		errs = append(errs, err)
	}
	k.interfaces = live.InterfacesOf(links)
	errs = append(errs, x.memory(d, applied))
	k.mapBytes = x.bytes
	return errors.Join(errs...)
}

// memory adds up the memory of maps after an apply: nothing else changes it, and with many addresses it takes its time.
func (x *xdpCounter) memory(d *ebpf.Datapath, applied time.Time) error {
	if x.bytes != nil && x.applied.Equal(applied) {
		return nil
	}
	x.bytes = nil
	n, err := d.Memory()
	if err != nil {
		return err
	}
	x.bytes, x.applied = &n, applied
	return nil
}
