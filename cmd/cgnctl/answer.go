package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // --tz works where the system has no zones
	"unicode"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc/answer"
	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/alloc/request"
)

// answerFlags are those of cgnctl answer.
type answerFlags struct {
	ledger       ledgerFlags
	holders      holderFlags
	in           []string
	legal        string
	reason       string
	zone, runAt  string
	dates        string
	tolerance    time.Duration
	format       *string
	runTime      time.Time
	zoneLocation *time.Location
	dateOrder    request.DateOrder
	ports        string
	unnamed      request.Ports
}

func newAnswer(e *env) *cobra.Command {
	var f answerFlags
	cmd := &cobra.Command{
		Use:   "answer --ledger FILE --in FILE --case ID --reason TEXT",
		Short: "Answer requests of any usual form, with a report",
		Long: `Read requests as they arrive, say which form they have, and write one row a request: answered, nobody (with the reason),
ambiguous (with every candidate), or refused (with the reason and the line).

Forms: CSV, JSON, tcpdump lines, NetFlow and nfdump text, ACNS XML, X-ARF, web server logs, lines with address, port and time,
letters with blocks of "IP: ...", "Port: ..." and "Time: ...", mails with one of them, and each of these compressed by gzip.
A time without a zone is refused unless --tz says which zone it is (read what the sender says of his times first), and also where the input is heard to state another one anywhere, such
as "All times are UTC"; an abbreviation such as CET or EST is always refused, because it means several. A date such as 01/03/2026 is refused unless --dates says its order.
A port that nothing names (the number in "198.18.0.0 6000 2026-01-10T12:34:56Z", or a field "Port") is taken for the subscriber's, and the report says so, unless text or fields around it
may say that it is a port that was attacked, or a count: then it is refused. --ports source is your word that such ports are the subscriber's; --ports named refuses them all. "source port" and
"198.18.0.0:6000" name it.

The report carries the case, the reason, the ledger's head hash, the version of cgnctl, the time of the run, the form and SHA-256 of
every input, --tz, --dates, --ports, --tolerance and --skew, in CSV in each row: the same inputs with the same --run-at give the same report. --radius and --leases add to whom the inside address
belonged; such records stay apart from the ledger.

Exit 0 when every input was read to its end, whatever the answers; they are counted on stderr.`,
		Example: `  cgnctl answer --ledger ledger.jsonl --in police.eml --in acns.xml --case 123/2026 --reason "court order" --tz America/Sao_Paulo -o csv
  cgnctl answer --ledger ledger.jsonl --in requests.csv --case 124/2026 --reason "court order" --radius detail-20260301.gz -o html > report.html`,
		Args: exactly(0, "no arguments"),
	}
	f.ledger.add(cmd)
	f.holders.add(cmd)
	cmd.Flags().StringArrayVar(&f.in, "in", nil, "file with requests; - for standard input (repeatable)")
	cmd.Flags().StringVar(&f.legal, "case", "", "whose request this is: the number of a case; required")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why it is answered; required")
	cmd.Flags().StringVar(&f.zone, "tz", "", "zone of times that have none, such as America/Sao_Paulo or UTC; default: they are refused")
	cmd.Flags().StringVar(&f.dates, "dates", "", "order of dates such as 01/03/2026: dmy or mdy; default: they are refused")
	cmd.Flags().StringVar(&f.ports, "ports", "", "what a port is that nothing names: source (the subscriber's, by your word) or named (it is refused); default: the subscriber's, unless something around it may say otherwise")
	cmd.Flags().StringVar(&f.runAt, "run-at", "", "time of the run as the report states it; default: now")
	cmd.Flags().DurationVar(&f.tolerance, "tolerance", 0, "how wrong the clocks of requests may be, before and behind, such as 5s")
	f.format = outputFlag(cmd, answer.Formats...)
	cmd.RunE = func(*cobra.Command, []string) error { return e.answer(&f) }
	return cmd
}

// check refuses what would make a report that says too little, or that means something else than was meant.
func (f *answerFlags) check() (err error) {
	switch {
	case len(f.in) == 0:
		return badInput("for example --in police.eml; - is standard input", "no requests: --in is missing")
	case f.legal == "":
		return badInput("for example --case 123/2026", "no case: who gets answers about subscribers is written down")
	case f.reason == "":
		return badInput(`for example --reason "court order"`, "no reason: why answers about subscribers are given is written down")
	case !saysSomething(f.legal):
		return badInput("for example --case 123/2026", "--case %q says no case: who gets answers about subscribers is written down", f.legal)
	case !saysSomething(f.reason):
		return badInput(`for example --reason "court order"`, "--reason %q says no reason: why answers about subscribers are given is written down", f.reason)
	case f.tolerance < 0:
		return badInput("", "--tolerance %v: want 0 or more", f.tolerance)
	}
	if f.zone != "" {
		if f.zoneLocation, err = loadZone("tz", f.zone); err != nil {
			return err
		}
	}
	if f.dateOrder, err = parseDates(f.dates); err != nil {
		return err
	}
	if f.unnamed, err = parsePorts(f.ports); err != nil {
		return err
	}
	f.runTime = now()
	if f.runAt != "" {
		f.runTime, err = parseInstant("run-at", f.runAt)
	}
	return err
}

// saysSomething reports whether a text has a letter or digit, as the API asks of case and reason.
func saysSomething(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
}

// parseDates reads the order of dates; "" is none.
func parseDates(text string) (request.DateOrder, error) {
	switch text {
	case "":
		return 0, nil
	case "dmy":
		return request.DayFirst, nil
	case "mdy":
		return request.MonthFirst, nil
	}
	return 0, badInput("want dmy if 01/03/2026 is in March, mdy if it is in January", "--dates %q: no such order", text)
}

// parsePorts reads what becomes of ports that nothing names; "" is the default.
func parsePorts(text string) (request.Ports, error) {
	switch text {
	case "":
		return 0, nil
	case "source":
		return request.PortsSource, nil
	case "named":
		return request.PortsNamed, nil
	}
	return 0, badInput("want source if ports that nothing names are the subscriber's, named to refuse them", "--ports %q: no such answer", text)
}

// loadZone reads the zone that a flag names.
func loadZone(flag, name string) (*time.Location, error) {
	zone, err := zoneNamed(name)
	if err != nil {
		return nil, badInput("for example America/Sao_Paulo, Europe/Berlin or UTC", "--%s %q: %v", flag, name, err)
	}
	return zone, nil
}

// zoneNamed returns the zone with a name that means one: UTC, GMT, or one with a place in it. EST and CET are in the tables, too, but whoever
// writes them means the clock of several places, some with summer time and some without. The names below right/ count leap seconds, which
// clocks do not show, and those below posix/ are all names once more.
func zoneNamed(name string) (*time.Location, error) {
	if name == "UTC" || name == "GMT" {
		return time.UTC, nil
	}
	area, _, ok := strings.Cut(name, "/")
	zone, err := time.LoadLocation(name)
	switch {
	case err == nil && !ok && name != "" && name != "Local":
		return nil, errors.New("this does not name one zone: name one by its place")
	case err != nil || !ok || area == "right" || area == "posix":
		return nil, errors.New("no such zone")
	}
	return zone, nil
}

func (e *env) answer(f *answerFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	return f.ledger.withAt(e, f.runTime, func(led *ledger.Ledger) error {
		inputs, err := e.openInputs(f.in)
		if err != nil {
			return err
		}
		defer closeInputs(inputs)
		return e.answerAll(f, led, inputs)
	})
}

func (e *env) answerAll(f *answerFlags, led *ledger.Ledger, inputs []*input) error {
	book, read, err := f.holders.read(e)
	if err != nil {
		return err
	}
	w, err := answer.NewWriter(*f.format, e.stdout)
	if err != nil {
		return err
	}
	m := f.manifest(led)
	for _, in := range inputs {
		if err := in.open(request.Options{Zone: f.zoneLocation, Zones: zoneNamed, Dates: f.dateOrder, Ports: f.unnamed}); err != nil {
			return err
		}
		told := in.describe()
		fmt.Fprintf(e.stderr, "cgnctl: %s is read as %s\n", told.Name, told.Format)
		m.Inputs = append(m.Inputs, told)
	}
	m.Inputs = append(append(m.Inputs, read...), beside(led)...)
	if book != nil {
		m.Unplaced = book.Counts().Unplaced
	}
	if err := w.Begin(m); err != nil {
		return writeFault(err)
	}
	desk := &answer.Desk{Ledger: led, Tolerance: f.tolerance, Now: f.runTime, Book: book, Skew: f.holders.skew}
	var totals answer.Totals
	var broken []error
	for _, in := range inputs {
		why, err := e.answerInput(desk, in, w, &totals)
		if err != nil {
			return err
		}
		if why != nil {
			broken = append(broken, fmt.Errorf("%s: %w", in.name, why))
		}
	}
	if err := w.End(totals); err != nil {
		return writeFault(err)
	}
	fmt.Fprintf(e.stderr, "cgnctl: %s\n", totals)
	if totals.Assumed > 0 && f.unnamed == 0 {
		fmt.Fprintf(e.stderr, "cgnctl: note: of %d of these nothing says whose the port is, and it was taken for the subscriber's: --ports named refuses such ports, --ports source is your word for it\n", totals.Assumed)
	}
	if len(broken) > 0 {
		return badInput("what was read until then is answered, and a row says where it ends", "%v", errors.Join(broken...))
	}
	return nil
}

// answerInput answers the requests of one input. broken says why it was not read to its end, which the report says, too.
func (e *env) answerInput(desk *answer.Desk, in *input, w answer.Writer, totals *answer.Totals) (broken, err error) {
	p := e.newProgress()
	p.what = "requests"
	defer p.done()
	put := func(row answer.Row) error {
		totals.Count(row)
		if totals.Requests%1024 == 0 {
			p.at(totals.Requests, 0)
		}
		return writeFault(w.Row(row))
	}
	n := 0
	refuse := func(why error) error {
		n++
		row, err := desk.Answer(in.name, request.Request{Number: n, Err: why})
		if err != nil {
			return err
		}
		return put(row)
	}
	for q, err := range in.requests.All() {
		if err != nil {
			broken = err
			break
		}
		n = q.Number
		row, err := desk.Answer(in.name, q)
		if err != nil {
			return nil, err
		}
		if err := put(row); err != nil {
			return nil, err
		}
	}
	for _, part := range in.requests.Skipped() {
		if err := refuse(fmt.Errorf("a part of the input was not read: %s", part)); err != nil {
			return nil, err
		}
	}
	if broken == nil {
		broken = in.unchanged()
	}
	if broken != nil {
		return broken, refuse(fmt.Errorf("the input is not answered to its end: %w", broken))
	}
	return nil, nil
}

// beside describes what stands beside the ledger and has a part in its answers.
func beside(led *ledger.Ledger) (inputs []answer.Input) {
	for _, b := range led.Beside() {
		sum := sha256.Sum256(b.Data)
		inputs = append(inputs, answer.Input{Name: b.Name, Kind: b.Kind, Bytes: int64(len(b.Data)), SHA256: hex.EncodeToString(sum[:])})
	}
	return inputs
}

func (f *answerFlags) manifest(led *ledger.Ledger) answer.Manifest {
	return answer.Manifest{
		Case: f.legal, Reason: f.reason, Tool: fmt.Sprintf("cgnctl %s (commit %.12s)", release, commit()), RunAt: f.runTime, Zone: f.zone, Dates: f.dateOrder, Ports: f.unnamed, Tolerance: f.tolerance, Skew: f.holders.skew,
		Ledger: f.ledger.path, Head: led.Head(), Epochs: led.Len(), Unsure: led.Unsure(),
	}
}
