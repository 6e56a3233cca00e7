package request

import (
	"fmt"
	"strings"
	"testing"
)

// partsOf writes a multipart of parts that have a header of their own.
func partsOf(kind, boundary string, parts ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Content-Type: multipart/%s; boundary=%s\n\n", kind, boundary)
	for _, part := range parts {
		b.WriteString("--" + boundary + "\n" + part + "\n")
	}
	return b.String() + "--" + boundary + "--\n"
}

// reportOf writes the part of a report about an address.
func reportOf(ip string) string {
	return "Content-Type: text/plain; name=report.txt\n\nReport-Type: x\nSource: " + ip + "\nDate: 2026-01-10T12:34:56Z\n"
}

// TestEvidence checks that the evidence of a report is that of the mail or multipart it is in, and no other report.
func TestEvidence(t *testing.T) {
	const log = "Content-Type: text/plain; name=log.txt\n\n203.0.113.9:22 2026-01-10T12:34:56Z\n"
	nested := func(mail string) string { return "Content-Type: message/rfc822\n\nSubject: y\n" + mail }
	mailOf := func(n int) string {
		return nested(partsOf("mixed", fmt.Sprintf("i%d", n), reportOf(fmt.Sprintf("198.18.0.%d", n)), log))
	}
	answered := func(lines ...int) string {
		var out []string
		for _, n := range lines {
			out = append(out, fmt.Sprintf("1: 198.18.0.%d at 2026-01-10T12:34:56Z", n))
		}
		return strings.Join(out, "\n")
	}
	const evidence = "1: 203.0.113.9:22 at 2026-01-10T12:34:56Z"
	for name, c := range map[string]struct {
		text, want string
		skipped    int
	}{
		"digest":             {partsOf("digest", "o", mailOf(1), mailOf(2), mailOf(3)), answered(1, 2, 3), 3},
		"plain reports":      {partsOf("mixed", "o", nested("\n"+strings.SplitN(reportOf("198.18.0.1"), "\n\n", 2)[1]), mailOf(2)), answered(1, 2), 1},
		"two in one mail":    {partsOf("mixed", "o", reportOf("198.18.0.1"), log, reportOf("198.18.0.2"), log), answered(1, 2), 2},
		"evidence is a mail": {partsOf("mixed", "o", reportOf("198.18.0.1"), nested("\n203.0.113.9:22 2026-01-10T12:34:56Z\n")), answered(1), 1},
		"report, then mails": {partsOf("mixed", "o", reportOf("198.18.0.1"), mailOf(2), mailOf(3)), answered(1, 2, 3), 2},
		"evidence in parts":  {partsOf("mixed", "o", reportOf("198.18.0.1"), partsOf("mixed", "i", log, log)), answered(1), 2},
		"log before":         {partsOf("mixed", "o", log, reportOf("198.18.0.1")), evidence + "\n" + answered(1), 0},
		"log behind a mail":  {partsOf("mixed", "o", mailOf(1), log), answered(1) + "\n" + evidence, 1},
	} {
		r, err := NewReader(strings.NewReader("Subject: x\n"+c.text), Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for q, err := range r.All() {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			got = append(got, fmt.Sprintf("%d: %s", q.Line, answer(q)))
		}
		if got := strings.Join(got, "\n"); got != c.want || len(r.Skipped()) != c.skipped {
			t.Errorf("%s:\ngot  %s\nwant %s\nskipped %q", name, got, c.want, r.Skipped())
		}
	}
}

// TestManySkipped checks that the list of skipped parts says that it does not have all.
func TestManySkipped(t *testing.T) {
	const image = "Content-Type: image/png\n\nx\n"
	const inner = "Content-Type: application/octet-stream; name=a.eml\n\nSubject: y\n"
	many := func(n int) []string { return strings.Split(strings.Repeat(image+"|", n-1)+image, "|") }
	for want, parts := range map[string][]string{
		"100 image/png: this is not read": many(maxSkipped),
		"101 and 1 more":                  many(maxSkipped + 1),
		"101 and 150 more":                many(maxSkipped + 150),
		"101 and 105 more":                append(many(maxSkipped), inner+partsOf("mixed", "i", append(many(maxSkipped+5), "\n"+plainRow)...)),
	} {
		r, err := NewReader(strings.NewReader("Subject: x\n"+partsOf("mixed", "o", append(parts, "\n"+plainRow)...)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range r.All() {
			if err != nil {
				t.Error(err)
			}
		}
		for range 2 {
			if got := r.Skipped(); fmt.Sprint(len(got), " ", got[len(got)-1]) != want {
				t.Errorf("%d, %q, want %s", len(got), got[len(got)-1], want)
			}
		}
	}
}
