package planfile

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

func BenchmarkReadList(b *testing.B) {
	text, err := io.ReadAll(&million{last: 1_000_000})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		l, err := ReadList(bytes.NewReader(text), "l")
		if err != nil || len(l.Ranges) != 1_000_000 {
			b.Fatalf("%v, %v", l, err)
		}
	}
}

func BenchmarkParse100Pools(b *testing.B) {
	var text strings.Builder
	text.WriteString("version: 1\npools:\n")
	for i := range 100 {
		fmt.Fprintf(&text, "  - name: pool-%d\n    inside: [10.%d.0.0/17, 10.%[1]d.128.0-10.%[1]d.128.200]\n    outside: 198.18.%[1]d.0/24\n    sharing-ratio: 200\n", i, i)
	}
	b.ReportAllocs()
	for b.Loop() {
		f, err := Parse("p.yaml", []byte(text.String()), Options{})
		if err != nil || f.Plan.Subscribers() != 100*(1<<15+201) {
			b.Fatalf("%v, %v", f, err)
		}
	}
}
