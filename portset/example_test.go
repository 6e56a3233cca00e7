package portset_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/cgnkit/cgnkit/portset"
)

// The subscriber of RFC 7597 appendix A, example 1: what it owns, and who owns a port.
func Example() {
	layout, err := portset.NewLayout(portset.DefaultOffset, 8)
	if err != nil {
		log.Fatal(err)
	}
	ports, err := layout.Set(0x34)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(layout, "shares an address among", layout.SharingRatio())
	fmt.Println(ports.Len(), "ports in", ports.RangeCount(), "ranges, from", ports.First(), "to", ports.Last())

	psid, ok := layout.PSID(64723)
	fmt.Printf("port 64723 belongs to PSID %#x: %v\n", psid, ok)
	// Output:
	// a=6 k=8 m=2 shares an address among 256
	// 252 ports in 63 ranges, from 1232 to 64723
	// port 64723 belongs to PSID 0x34: true
}

func ExampleRange() {
	r, err := portset.NewRange(1024, 65535)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r, r.Len(), r.Contains(65535))

	_, err = portset.NewRange(5055, 1024)
	fmt.Println(err)
	// Output:
	// 1024-65535 64512 true
	// invalid port range 5055-1024: the range is reversed; write 1024-5055
}

func ExampleParseRange() {
	r, err := portset.ParseRange("1024-5055")
	fmt.Println(r, r.Len(), err)

	_, err = portset.ParseRange("1024-")
	fmt.Println(err)
	// Output:
	// 1024-5055 4032 <nil>
	// port range "1024-": invalid port set text: a port is missing
}

func ExampleSet() {
	ports, err := portset.ParseSet("1024-5003,5005-5055")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ports.Len(), ports.Contains(5004))

	i, _ := ports.Index(5005)
	port, _ := ports.Port(i - 1)
	fmt.Println(i, port)
	for r := range ports.Ranges() {
		fmt.Println(r)
	}
	// Output:
	// 4031 false
	// 3980 5003
	// 1024-5003
	// 5005-5055
}

// The second subscriber of RFC 7422 section 2.3, in the sequential algorithm.
func ExampleSet_Slice() {
	usable, err := portset.ParseSet("1024-65535")
	if err != nil {
		log.Fatal(err)
	}
	n := usable.Len() / 16
	fmt.Println(usable.Slice(1*n, n))
	// Output: 5056-9087
}

// The second subscriber of 14 in the staggered algorithm of RFC 7422 section 2.
func ExampleSet_Every() {
	usable, err := portset.ParseSet("1024-65535")
	if err != nil {
		log.Fatal(err)
	}
	share := usable.Every(1, 14, 4032)
	fmt.Println(share.Slice(0, 3), share.Last())
	// Output: 1025,1039,1053 57459
}

func ExampleSet_Minus() {
	all, err := portset.ParseSet("0-65535")
	if err != nil {
		log.Fatal(err)
	}
	reserved, err := portset.ParseSet("0-1023,5004,5060")
	if err != nil {
		log.Fatal(err)
	}
	usable, ok := all.Minus(reserved)
	fmt.Println(usable, usable.Len(), ok)
	// Output: 1024-5003,5005-5059,5061-65535 64510 true
}

func ExampleParseSet() {
	ports, err := portset.ParseSet("5060-5061, 1900, 5061-5070")
	fmt.Println(ports, err)

	_, err = portset.ParseSet("1900,65536")
	fmt.Println(err, errors.Is(err, portset.ErrRange))
	// Output:
	// 1900,5060-5070 <nil>
	// port range "65536": invalid port range: port 65536 is past 65535 true
}

func ExampleNewSet() {
	low, err := portset.NewRange(1024, 5003)
	if err != nil {
		log.Fatal(err)
	}
	high, err := portset.NewRange(5004, 5055)
	if err != nil {
		log.Fatal(err)
	}
	ports, err := portset.NewSet(high, low)
	fmt.Println(ports, err)
	// Output: 1024-5055 <nil>
}

func ExampleLayout() {
	layout, err := portset.NewLayout(6, 8)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(layout, layout.SharingRatio(), layout.SetLen())

	_, err = portset.NewLayout(6, 11)
	fmt.Println(err)
	// Output:
	// a=6 k=8 m=2 256 252
	// invalid PSID layout: PSID offset 6 + PSID length 11 is more than the 16 bits of a port; with offset 6 the length is at most 10
}

func ExampleLayout_Set() {
	layout, err := portset.NewLayout(6, 8)
	if err != nil {
		log.Fatal(err)
	}
	ports, err := layout.Set(0x34)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ports.Slice(0, 8), ports.Len())

	_, err = layout.Set(256)
	fmt.Println(err)
	// Output:
	// 1232-1235,2256-2259 252
	// invalid PSID 256: PSID length 8 holds 0 to 255
}

func ExampleLayout_PSID() {
	layout, err := portset.NewLayout(6, 8)
	if err != nil {
		log.Fatal(err)
	}
	for _, port := range []uint16{1023, 1232, 1235, 1236, 65535} {
		psid, ok := layout.PSID(port)
		fmt.Printf("%d: %#x %v\n", port, psid, ok)
	}
	// Output:
	// 1023: 0x0 false
	// 1232: 0x34 true
	// 1235: 0x34 true
	// 1236: 0x35 true
	// 65535: 0xff true
}

func ExampleGMA() {
	// 100 subscribers with 4 contiguous ports each, nothing below port 1024.
	ports, err := portset.GMA(100, 4, 1024, 7)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ports.Slice(0, 8), ports.Len(), ports.RangeCount())
	// Output: 1228-1231,1628-1631 640 160
}

func ExampleValueMask() {
	ports := portset.ValueMask(80, 496)
	fmt.Println(ports.Slice(0, 32), ports.Len(), ports.RangeCount())
	// Output: 80-95,592-607 2048 128
}

func ExamplePermutation() {
	key := [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	domain, err := portset.ParseSet("1024-65535")
	if err != nil {
		log.Fatal(err)
	}
	p, err := portset.NewPermutation(key, domain)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.Set(0, 4))

	y, _ := p.Port(1024)
	x, _ := p.Inverse(y)
	fmt.Println(y, x)
	// Output:
	// 10287,25359,35297,48069
	// 35297 1024
}

func ExamplePortSetOption() {
	b, err := portset.PortSetOption{Size: 100, FirstInternal: 50000}.AppendBinary(nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%x\n", b)

	option, _, err := portset.ParsePortSetOption(b)
	if err != nil {
		log.Fatal(err)
	}
	internal, err := option.Internal()
	fmt.Println(internal, err)
	// Output:
	// 820000050064c35000000000
	// 50000-50099 <nil>
}
