package s46

import (
	"errors"
	"fmt"
)

// A Code is the number of a DHCPv6 option of RFC 7598.
type Code uint16

// The options of RFC 7598.
const (
	CodeRule       Code = 89
	CodeBR         Code = 90
	CodeDMR        Code = 91
	CodeBind       Code = 92
	CodePortParams Code = 93
	CodeMAPE       Code = 94
	CodeMAPT       Code = 95
	CodeLW         Code = 96
)

// names are the names in RFC 7598, without OPTION_.
var names = map[Code]string{
	CodeRule: "S46_RULE", CodeBR: "S46_BR", CodeDMR: "S46_DMR", CodeBind: "S46_V4V6BIND",
	CodePortParams: "S46_PORTPARAMS", CodeMAPE: "S46_CONT_MAPE", CodeMAPT: "S46_CONT_MAPT", CodeLW: "S46_CONT_LW",
}

// String returns the name that RFC 7598 gives, such as "S46_RULE", or "option 12" for any other.
func (c Code) String() string {
	if name, ok := names[c]; ok {
		return name
	}
	return fmt.Sprintf("option %d", uint16(c))
}

// Errors to compare with errors.Is. The messages that wrap them name container, option and field.
var (
	// ErrTruncated means: the bytes end before an option does, or an option before its fields.
	ErrTruncated = errors.New("truncated option")
	// ErrTrailing means: an option is longer than its fields.
	ErrTrailing = errors.New("octets behind the last field")
	// ErrValue means: a field has a value that RFC 7598 does not allow.
	ErrValue = errors.New("invalid value")
	// ErrContent means: a container or option lacks what it must have, has too much of it, or has what does not belong there.
	ErrContent = errors.New("invalid content")
	// ErrUnknown means: the option is not one of RFC 7598.
	ErrUnknown = errors.New("not an option of RFC 7598")
	// ErrSize means: an option does not fit into the 65,535 octets that it can have.
	ErrSize = errors.New("option is too long")
)

// An Option is an option of RFC 7598.
type Option interface {
	// Code returns its number.
	Code() Code
	// check returns what is wrong with it, if anything.
	check() error
	// appendBody appends what follows code and length. It is called for what check allows.
	appendBody(b []byte) ([]byte, error)
}

// Append appends o as DHCPv6 has it: code, length, body. The error wraps ErrValue, ErrContent or ErrSize.
func Append(b []byte, o Option) ([]byte, error) {
	if err := o.check(); err != nil {
		return b, fmt.Errorf("%v: %w", o.Code(), err)
	}
	start := len(b)
	body, err := o.appendBody(append(b, byte(o.Code()>>8), byte(o.Code()), 0, 0))
	if err != nil {
		return b, fmt.Errorf("%v: %w", o.Code(), err)
	}
	n := len(body) - start - 4
	if n > 0xffff {
		return b, fmt.Errorf("%v: %w: %d octets are more than 65535", o.Code(), ErrSize, n)
	}
	body[start+2], body[start+3] = byte(n>>8), byte(n)
	return body, nil
}

// appendAll appends several options.
func appendAll[T Option](b []byte, list []T) (_ []byte, err error) {
	for i, o := range list {
		if b, err = Append(b, o); err != nil {
			return b, fmt.Errorf("number %d: %w", i, err)
		}
	}
	return b, nil
}

// Decode reads the option at the start of b and returns it and the bytes behind it. The error wraps ErrTruncated,
// ErrTrailing, ErrValue, ErrContent or ErrUnknown; with ErrUnknown, rest is behind the option all the same. O(len(b)).
func Decode(b []byte) (o Option, rest []byte, err error) {
	code, body, rest, err := split(b)
	if err != nil {
		return nil, nil, err
	}
	decode, ok := decoders()[code]
	if !ok {
		return nil, rest, fmt.Errorf("%v: %w", code, ErrUnknown)
	}
	if o, err = decode(body); err == nil {
		err = o.check()
	}
	if err != nil {
		return nil, rest, fmt.Errorf("%v: %w", code, err)
	}
	return o, rest, nil
}

func decoders() map[Code]func([]byte) (Option, error) {
	return map[Code]func([]byte) (Option, error){
		CodeRule: decodeRule, CodeBR: decodeBR, CodeDMR: decodeDMR, CodeBind: decodeBind, CodePortParams: decodePortParams,
		CodeMAPE: decodeMAPE, CodeMAPT: decodeMAPT, CodeLW: decodeLW,
	}
}

// split cuts the first option off b.
func split(b []byte) (code Code, body, rest []byte, err error) {
	if len(b) < 4 {
		return 0, nil, nil, fmt.Errorf("%w: %d octets, and code and length take 4", ErrTruncated, len(b))
	}
	code = Code(b[0])<<8 | Code(b[1])
	n := int(b[2])<<8 | int(b[3])
	if b = b[4:]; len(b) < n {
		return 0, nil, nil, fmt.Errorf("%v: %w: its length is %d, and %d octets follow", code, ErrTruncated, n, len(b))
	}
	return code, b[:n], b[n:], nil
}

// Containers reads the options of a server's message as a client must (RFC 7598 sections 5 and 6): it returns the containers,
// and for each that a client discards, why. All other options are skipped, those of RFC 7598 outside containers, too.
// Where b ends within an option, the last error is ErrTruncated.
func Containers(b []byte) (list []Option, discarded []error) {
	for len(b) > 0 {
		code, _, rest, err := split(b)
		if err != nil {
			return list, append(discarded, err)
		}
		if code >= CodeMAPE && code <= CodeLW {
			if o, _, err := Decode(b); err != nil {
				discarded = append(discarded, err)
			} else {
				list = append(list, o)
			}
		}
		b = rest
	}
	return list, discarded
}
