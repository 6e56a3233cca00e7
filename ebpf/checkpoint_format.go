package ebpf

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"iter"
	"net/netip"
	"time"
)

// A checkpoint, in network byte order:
//
//	magic "cgnkit mappings\n", version u32, ID of the key [8], CRC
//	chunk: kind u8 = 1, records u16 = 1..4096, records, CRC
//	realm: kind u8 = 2, length u8, name, CRC: of the mappings that follow
//	end:   kind u8 = 0, records in all u64, CRC
//
// A CRC is a CRC-32C over everything before it. Nothing is used before its CRC was right, so a damaged checkpoint restores what
// stands before the damage and then is an error.
const (
	checkpointMagic   = "cgnkit mappings\n"
	checkpointVersion = 1
	chunkRecords      = 4096
	recordBytes       = 24

	kindEnd   = 0
	kindChunk = 1
	kindRealm = 2
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A checkpointWriter writes mappings.
type checkpointWriter struct {
	out     *bufio.Writer
	sum     hash.Hash32
	realm   string
	chunk   []byte
	written uint64
	err     error
}

func newCheckpointWriter(w io.Writer, k Key) *checkpointWriter {
	c := &checkpointWriter{out: bufio.NewWriter(w), sum: crc32.New(castagnoli)}
	id := keyID(k)
	b := binary.BigEndian.AppendUint32([]byte(checkpointMagic), checkpointVersion)
	c.put(append(b, id[:]...))
	return c
}

// put writes bytes and a CRC.
func (c *checkpointWriter) put(b []byte) {
	if c.err != nil {
		return
	}
	_, _ = c.sum.Write(b) // documented never to fail
	b = binary.BigEndian.AppendUint32(b, c.sum.Sum32())
	_, _ = c.sum.Write(b[len(b)-4:])
	_, c.err = c.out.Write(b)
}

func (c *checkpointWriter) add(m Mapping) error {
	if m.Realm != c.realm {
		c.flush()
		c.realm = m.Realm
		c.put(append([]byte{kindRealm, byte(len(m.Realm))}, m.Realm...))
	}
	c.chunk = appendRecord(c.chunk, m)
	c.written++
	if len(c.chunk) == chunkRecords*recordBytes {
		c.flush()
	}
	return c.err
}

func (c *checkpointWriter) flush() {
	if len(c.chunk) > 0 {
		head := binary.BigEndian.AppendUint16([]byte{kindChunk}, uint16(len(c.chunk)/recordBytes))
		c.put(append(head, c.chunk...))
	}
	c.chunk = c.chunk[:0]
}

func (c *checkpointWriter) close() error {
	c.flush()
	c.put(binary.BigEndian.AppendUint64([]byte{kindEnd}, c.written))
	return errors.Join(c.err, c.out.Flush())
}

func appendRecord(b []byte, m Mapping) []byte {
	in, out := m.Inside.Addr().As4(), m.Outside.Addr().As4()
	b = append(append(b, in[:]...), out[:]...)
	b = binary.BigEndian.AppendUint16(b, m.Inside.Port())
	b = binary.BigEndian.AppendUint16(b, m.Outside.Port())
	b = binary.BigEndian.AppendUint32(b, uint32(min(max(m.Age, 0), maxAge)/time.Millisecond))
	b = binary.BigEndian.AppendUint32(b, m.state)
	return append(b, byte(m.Protocol), 0, 0, 0)
}

func parseRecord(b []byte, realm string) (Mapping, error) {
	m := Mapping{
		Realm:    realm,
		Inside:   netip.AddrPortFrom(netip.AddrFrom4([4]byte(b)), binary.BigEndian.Uint16(b[8:])),
		Outside:  netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:])), binary.BigEndian.Uint16(b[10:])),
		Age:      time.Duration(binary.BigEndian.Uint32(b[12:])) * time.Millisecond,
		state:    binary.BigEndian.Uint32(b[16:]),
		Protocol: Protocol(b[20]),
	}
	if int(m.Protocol) >= protocols || b[21]|b[22]|b[23] != 0 {
		return m, fmt.Errorf("%w: a record of protocol %d", ErrCheckpoint, b[20])
	}
	return m, nil
}

// A checkpointReader reads what a checkpointWriter has written. It holds one chunk at a time.
type checkpointReader struct {
	in    *bufio.Reader
	sum   hash.Hash32
	keyID [8]byte
	realm string
	read  uint64
}

func newCheckpointReader(r io.Reader) (*checkpointReader, error) {
	c := &checkpointReader{in: bufio.NewReader(r), sum: crc32.New(castagnoli)}
	head, err := c.take(len(checkpointMagic) + 4 + len(c.keyID))
	if err != nil {
		return nil, err
	}
	if string(head[:len(checkpointMagic)]) != checkpointMagic {
		return nil, fmt.Errorf("%w: it does not begin as one", ErrCheckpoint)
	}
	if v := binary.BigEndian.Uint32(head[len(checkpointMagic):]); v != checkpointVersion {
		return nil, fmt.Errorf("%w: version %d, and this release reads %d", ErrCheckpoint, v, checkpointVersion)
	}
	copy(c.keyID[:], head[len(checkpointMagic)+4:])
	return c, c.check()
}

// take reads n bytes, which check has to approve.
func (c *checkpointReader) take(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(c.in, b); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("%w: it ends in the middle, after %d mappings", ErrCheckpoint, c.read)
		}
		return nil, err
	}
	_, _ = c.sum.Write(b)
	return b, nil
}

// check reads a CRC.
func (c *checkpointReader) check() error {
	want := c.sum.Sum32()
	b, err := c.take(4)
	if err != nil {
		return err
	}
	if got := binary.BigEndian.Uint32(b); got != want {
		return fmt.Errorf("%w: damaged after %d mappings: checksum %08x, want %08x", ErrCheckpoint, c.read, got, want)
	}
	return nil
}

// mappings iterates over the mappings. An error is the last pair.
func (c *checkpointReader) mappings() iter.Seq2[Mapping, error] {
	return func(yield func(Mapping, error) bool) {
		for {
			records, end, err := c.next()
			if err != nil {
				yield(Mapping{}, err)
				return
			}
			if end {
				return
			}
			for ; len(records) > 0; records = records[recordBytes:] {
				m, err := parseRecord(records, c.realm)
				if !yield(m, err) || err != nil {
					return
				}
				c.read++
			}
		}
	}
}

// next reads the next part. It returns the records of a chunk.
func (c *checkpointReader) next() (records []byte, end bool, err error) {
	kind, err := c.take(1)
	if err != nil {
		return nil, false, err
	}
	switch kind[0] {
	case kindChunk:
		n, err := c.number(2, chunkRecords)
		if err != nil {
			return nil, false, err
		}
		if records, err = c.take(int(n) * recordBytes); err != nil {
			return nil, false, err
		}
		return records, false, c.check()
	case kindRealm:
		n, err := c.number(1, 255)
		if err != nil {
			return nil, false, err
		}
		name, err := c.take(int(n))
		if err != nil {
			return nil, false, err
		}
		c.realm = string(name)
		return nil, false, c.check()
	case kindEnd:
		return nil, true, c.end()
	}
	return nil, false, fmt.Errorf("%w: damaged after %d mappings: there is no part of kind %d", ErrCheckpoint, c.read, kind[0])
}

// number reads a number of some bytes, from 1 to most.
func (c *checkpointReader) number(bytes int, most uint64) (n uint64, err error) {
	b, err := c.take(bytes)
	if err != nil {
		return 0, err
	}
	for _, digit := range b {
		n = n<<8 | uint64(digit)
	}
	if n == 0 || n > most {
		return 0, fmt.Errorf("%w: damaged after %d mappings: a part of %d, and 1 to %d are possible", ErrCheckpoint, c.read, n, most)
	}
	return n, nil
}

func (c *checkpointReader) end() error {
	b, err := c.take(8)
	if err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	if want := binary.BigEndian.Uint64(b); want != c.read {
		return fmt.Errorf("%w: %d mappings, and %d were written", ErrCheckpoint, c.read, want)
	}
	return nil
}
