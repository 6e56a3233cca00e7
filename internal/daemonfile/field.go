package daemonfile

import (
	"io/fs"
	"log/slog"
	"net/netip"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/cgnkit/cgnkit/internal/alarm"
)

// A kind is the type of a value.
type kind uint8

const (
	text       kind = iota + 1
	account         // of the system: a name or a number
	path            // of a file, absolute
	choice          // one of several words
	duration        // such as 5m
	mode            // of a file, in octal digits
	paths           // a list of paths
	links           // a list of interfaces, NAME or NAME=REALM
	insideOnly      // the same, without realms
	endpoint        // an address and a port
	number          // a whole one
	percent         // from 1 to 100, or off
	section         // a mapping with keys of its own
)

// A field is one key. The decoder, the JSON Schema and the table of keys are made from this table.
type field struct {
	key         string
	kind        kind
	initial     string // the default, as text
	doc         string
	example     string
	choices     []string // of kind choice
	pattern     string   // of kind text: what the schema says of it
	fields      []field  // of kind section
	span        span     // of kind duration
	least, most int      // of kind number: what it may be

	set func(c *Config, v value)
}

// A value is what a decoder has read of a node, according to its kind.
type value struct {
	node  *yaml.Node
	text  string
	time  time.Duration
	count int // of kind percent: 0 = off
	mode  fs.FileMode
	list  []string
	links []Interface

	endpoint netip.AddrPort
}

// MaxTop is how high metrics-top may be.
const MaxTop = 100

// A span is what a duration may be.
type span struct{ least, most time.Duration }

var (
	verifySpan = span{10 * time.Second, 24 * time.Hour}
	usageSpan  = span{time.Second, time.Hour}
	holdSpan   = span{time.Second, alarm.MaxHold}
)

var levels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

var fields = []field{
	{key: "backend", kind: choice, choices: []string{Nftables, XDP}, initial: Nftables, example: Nftables,
		doc: "What translates.",
		set: func(c *Config, v value) { c.Backend = v.text }},
	{key: "instance", kind: text, pattern: "^[a-z][a-z0-9_-]{0,31}$", initial: "cgn", example: "cgn",
		doc: "Names everything that the daemon owns in the kernel: 1 to 32 lower-case letters, digits, `-` and `_`, the first of them a letter.",
		set: func(c *Config, v value) { c.Instance = v.text }},
	{key: "ledger", kind: path, initial: "none; this or `plan` is required", example: "/var/lib/cgnd/ledger.jsonl",
		doc: "The ledger to follow: the plan in force at every instant is that of its epoch.",
		set: func(c *Config, v value) { c.Ledger = v.text }},
	{key: "plan", kind: path, initial: "none; this or `ledger` is required", example: "/etc/cgnd/plan.yaml",
		doc: "The plan file to follow. Lists that it names are read with it; a change of a list alone takes a reload.",
		set: func(c *Config, v value) { c.Plan = v.text }},
	{key: "key-files", kind: paths, initial: "none", example: "/etc/cgnd/random.key",
		doc: "Files with the keys of pools with scheme `random`, all that the ledger's plans need.",
		set: func(c *Config, v value) { c.KeyFiles = v.list }},
	{key: "interfaces", kind: section, doc: "Backend `xdp` only.", fields: []field{
		{key: "inside", kind: links, initial: "those that the instance has", example: "eth0",
			doc: "Interfaces towards the subscribers: `NAME` or `NAME=REALM`.",
			set: func(c *Config, v value) { c.Inside = v.links }},
		{key: "outside", kind: insideOnly, initial: "those that the instance has", example: "eth1",
			doc: "Interfaces towards everybody else.",
			set: func(c *Config, v value) { c.Outside = v.links }},
	}},
	{key: "policy", kind: path, initial: "what the instance has", example: "/etc/cgnd/policy.yaml",
		doc: "Backend `xdp` only: file with timers, limits and filtering of pools. Read again at a reload.",
		set: func(c *Config, v value) { c.Policy = v.text }},
	{key: "port-key", kind: path, initial: "what the instance has, or a random one", example: "/etc/cgnd/port.key",
		doc: "Backend `xdp` only: file with the key that ports follow from, 32 hexadecimal digits. Read again at a reload.",
		set: func(c *Config, v value) { c.PortKey = v.text }},
	{key: "drift", kind: choice, choices: []string{"repair", "report"}, initial: "repair", example: "report",
		doc: "What to do when somebody else changed what the daemon had applied: `repair` applies the plan again, `report` only says so.",
		set: func(c *Config, v value) { c.Report = v.text == "report" }},
	{key: "events", kind: choice, choices: []string{"keep", "leave"}, initial: "keep", example: "leave",
		doc: "Backend `xdp` only. `keep` has the daemon take the events of refusals and remember how often a subscriber was refused; `leave` leaves them to `cgnctl events`: each goes to one reader.",
		set: func(c *Config, v value) { c.LeaveEvents = v.text == "leave" }},
	{key: "verify-interval", kind: duration, span: verifySpan, initial: "5m", example: "5m",
		doc: "How often the kernel is compared whole with the plan, from 10s to 24h, besides when something shows that it may have been changed.",
		set: func(c *Config, v value) { c.VerifyEvery = v.time }},
	{key: "listen", kind: section, doc: "Where the API is.", fields: []field{
		{key: "unix", kind: path, initial: "/run/cgnd/cgnd.sock", example: "/run/cgnd/cgnd.sock",
			doc: "Path of the socket. Its folder must exist, and nobody else may be able to write to it: one in which every user may exchange files is refused.",
			set: func(c *Config, v value) { c.Listen.Unix = v.text }},
		{key: "user", kind: account, initial: "that of the daemon", example: "root",
			doc: "Whose the socket is: a name or a number. Another one than that of the daemon takes `CAP_CHOWN`, which the unit of the package does not leave.",
			set: func(c *Config, v value) { c.Listen.User = v.text }},
		{key: "group", kind: account, initial: "that of the daemon", example: "cgnd",
			doc: "The group of the socket: who is in it may ask. A name or a number: `cgnd`, or one that `SupplementaryGroups=` of the unit names.",
			set: func(c *Config, v value) { c.Listen.Group = v.text }},
		{key: "mode", kind: mode, initial: "0660", example: "0660",
			doc: "Permissions of the socket. Who may write to it may ask for all but `POST`, traces included; where that is everybody, `--check` and the log say so.",
			set: func(c *Config, v value) { c.Listen.Mode = v.mode }},
		{key: "tcp", kind: endpoint, initial: "none: the API is on the socket only", example: "[::]:9743",
			doc: "Address and port where the API is besides, with TLS and for those who have a token. `[::]:9743` is all addresses, IPv6 and IPv4; `127.0.0.1:9743` is this host.",
			set: func(c *Config, v value) { c.Listen.TCP = v.endpoint }},
		{key: "tokens", kind: path, initial: "none; `listen.tcp` requires it", example: "/etc/cgnd/tokens",
			doc: "File with the tokens that may be used on TCP, and what for. Nobody but its owner and group may read it, and nobody but its owner write to it. Read again at a reload.",
			set: func(c *Config, v value) { c.Listen.Tokens = v.text }},
		{key: "certificate", kind: path, initial: "none: plain HTTP, on addresses of loopback only", example: "/etc/cgnd/tls.crt",
			doc: "File with the certificate for TLS and those between it and the authority, as PEM. Read again at a reload.",
			set: func(c *Config, v value) { c.Listen.Certificate = v.text }},
		{key: "key", kind: path, initial: "none; `listen.certificate` requires it", example: "/etc/cgnd/tls.key",
			doc: "File with the private key of the certificate, as PEM. Nobody but its owner and group may read it. Read again at a reload.",
			set: func(c *Config, v value) { c.Listen.Key = v.text }},
		{key: "plain", kind: choice, choices: []string{"loopback", "anywhere"}, initial: "loopback", example: "loopback",
			doc: "Where TCP may be without a certificate: `anywhere` has tokens and answers cross the network so that everybody in between can read them.",
			set: func(c *Config, v value) { c.Listen.PlainAnywhere = v.text == "anywhere" }},
	}},
	{key: "metrics", kind: endpoint, initial: "none: nothing listens", example: "127.0.0.1:9742",
		doc: "Address and port where Prometheus reads `/metrics`, by plain HTTP and without asking who it is: `127.0.0.1:9742`, `[::1]:9742`.",
		set: func(c *Config, v value) { c.Metrics = v.endpoint }},
	{key: "metrics-top", kind: number, most: MaxTop, initial: "0", example: "20",
		doc: "How many of the subscribers who use most ports metrics show by address, from 0 to 100. That is personal data. The API has them in any case.",
		set: func(c *Config, v value) { c.MetricsTop = v.count }},
	{key: "usage-interval", kind: duration, span: usageSpan, initial: "30s", example: "30s",
		doc: "How often it is read who uses how many ports, for metrics and alarms, from 1s to 1h. Less often where that takes long.",
		set: func(c *Config, v value) { c.UsageEvery = v.time }},
	{key: "alarms", kind: section, doc: "When ports run out. An alarm is a line of the log and a metric.", fields: []field{
		alarmField("pool", "All ports of the shares of a pool.", func(c *Config) *alarm.Thresholds { return &c.Alarms.Pool }),
		alarmField("address", "All usable ports of an outside address.", func(c *Config) *alarm.Thresholds { return &c.Alarms.Address }),
		alarmField("subscriber", "The ports that a subscriber owns.", func(c *Config) *alarm.Thresholds { return &c.Alarms.Subscriber }),
		{key: "limit", kind: number, least: 1, most: alarm.MaxLimit, initial: "10000", example: "10000",
			doc: "How many alarms of each of these there may be at once, from 1 to 1000000. Others are counted as missed.",
			set: func(c *Config, v value) { c.Alarms.Limit = v.count }},
	}},
	{key: "audit", kind: path, initial: "/var/log/cgnd/audit.jsonl", example: "/var/log/cgnd/audit.jsonl",
		doc: "The file that every trace is written to before it is answered. Its folder must exist.",
		set: func(c *Config, v value) { c.Audit = v.text }},
	{key: "log", kind: section, doc: "How the daemon logs, to standard error.", fields: []field{
		{key: "level", kind: choice, choices: []string{"debug", "info", "warn", "error"}, initial: "info", example: "info",
			doc: "The least important of what is logged.",
			set: func(c *Config, v value) { c.Log.Level = levels[v.text] }},
		{key: "format", kind: choice, choices: []string{"text", "json"}, initial: "text", example: "json",
			doc: "`text`: key=value; `json`: a JSON object a line.",
			set: func(c *Config, v value) { c.Log.JSON = v.text == "json" }},
	}},
}

// alarmField is the section of alarms about something.
func alarmField(key, doc string, of func(*Config) *alarm.Thresholds) field {
	return field{key: key, kind: section, doc: doc, fields: []field{
		{key: "raise", kind: percent, initial: "90", example: "90",
			doc: "Percent in use from which on an alarm is raised, of the protocol that uses most; `off`: never.",
			set: func(c *Config, v value) { of(c).Raise = v.count }},
		{key: "clear", kind: percent, initial: "70", example: "70",
			doc: "Percent at or below which it is cleared, less than `raise`.",
			set: func(c *Config, v value) { of(c).Clear = v.count }},
		{key: "hold", kind: duration, span: holdSpan, initial: "5m", example: "5m",
			doc: "How long it stays after that, from 1s to 24h: what comes back meanwhile is counted and not raised again.",
			set: func(c *Config, v value) { of(c).Hold = v.time }},
	}}
}

func defaults() *Config {
	return &Config{
		Backend: Nftables, Instance: "cgn", VerifyEvery: 5 * time.Minute, UsageEvery: 30 * time.Second, Alarms: alarm.DefaultConfig(), Audit: "/var/log/cgnd/audit.jsonl",
		Listen: Listen{Unix: "/run/cgnd/cgnd.sock", Mode: 0o660},
	}
}
