package ebpf

import (
	"errors"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/ebpf/internal/parts"
)

// A question is struct question of bpf/parts.bpf.c, which also says what its words mean.
type question = parts.PartsQuestion

// Parts are the functions of the packet path that need no packet.
type partsObject struct {
	testing.TB
	coll      *ebpf.Collection
	questions *ebpf.Memory
}

// loadParts loads them with a key.
func loadParts(tb testing.TB, key [2]uint64) *partsObject {
	tb.Helper()
	root(tb)
	spec := must(parts.LoadParts())
	if err := spec.Variables["home_key"].Set(key); err != nil {
		tb.Fatal(err)
	}
	coll, err := ebpf.NewCollection(spec)
	if v := (*ebpf.VerifierError)(nil); errors.As(err, &v) {
		tb.Fatalf("%+v", v)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(coll.Close)
	return &partsObject{TB: tb, coll: coll, questions: must(coll.Maps["questions"].Memory())}
}

// ask has a program answer questions in place and in order.
func (p *partsObject) ask(program string, q []question) {
	p.Helper()
	if len(q) == 0 || len(q) > batch {
		p.Fatalf("%d questions", len(q))
	}
	memory := unsafe.Slice((*byte)(unsafe.Pointer(&q[0])), len(q)*int(unsafe.Sizeof(q[0])))
	if _, err := p.questions.WriteAt(memory, 0); err != nil {
		p.Fatal(err)
	}
	p.set("asked", uint32(len(q)))
	if _, err := p.coll.Programs[program].Run(&ebpf.RunOptions{Data: packet}); err != nil {
		p.Fatal(err)
	}
	if _, err := p.questions.ReadAt(memory, 0); err != nil {
		p.Fatal(err)
	}
}

func (p *partsObject) set(variable string, to any) {
	p.Helper()
	if err := p.coll.Variables[variable].Set(to); err != nil {
		p.Fatal(err)
	}
}
