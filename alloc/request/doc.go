// Package request reads questions of the kind "who had this outside address and port at that time?" as they arrive at an
// ISP: from police, courts, rights holders and abuse desks, in files and mails of whatever format.
//
// [NewReader] finds the format from the first bytes, [Reader.All] streams the questions. The package answers nothing: it
// turns text into an address, a port and an instant or interval, or says why it cannot.
//
// # What it never does
//
// It never guesses. A time without a zone, a day that could be a month (see [Options]), the name of a zone that several countries use, a port
// range, a local time that happened twice: each is a [Request] with an Err that quotes the text and says what to write
// instead. So is a second value for the same thing that differs from the first. A port that nothing names, the number of a row
// or a bare "port", is taken for the subscriber's and said to be assumed, unless something around it may say otherwise: a destination, another address, an
// attacked system, a service, a field whose name is not known, or the text; see [Ports]. Nothing is left out in
// silence: a line that cannot be read is a Request with an Err, and so is a comment (#) with an address. Only blank lines, other comments and the headings of known tools are passed over; in the text of
// a mail, and in a file that is a letter (below), so are lines without an address.
//
// # Formats
//
//	csv      columns named in the first line (comma, semicolon or tab), in many spellings, also behind a #; or without names:
//	         address, port, time; also nfdump -o csv and ra -c of Argus, with ts and te, with firstSeen and duration, or with StartTime and LastTime,
//	         Dur or neither: the time of the flow is asked for
//	json     an array of objects, an object with such arrays, one object, or an object a line; names as for csv
//	         for csv and json: a name such as "UTC time" or "Time UTC-3" says the zone, and counts where no other name says when; so does one with the
//	         zone or the order of dates in brackets, "Date (DD/MM/YYYY)"
//	tcpdump  lines of tcpdump -n with -tt or -tttt, also with -e and -v; the source is asked for
//	netflow  "time proto=TCP src=1.2.3.4:5 dst=…", the long output of nfdump, and its log of a NAT (-o nel, -o nsel); the source is asked
//	         for, as it was translated where it was
//	acns     ACNS 1 and 2 XML, also between "Start ACNS XML" and "End ACNS XML"
//	x-arf    X-ARF 0.1 and 0.2 ("Key: value"), XARF 3 and 4 (JSON); the port is Source-Port, never Port, which was attacked; the
//	         time is Date, never Report-Date, when it was written; outside of first_seen and last_seen it is refused
//	clf      the common and combined log formats of web servers, also with a virtual host first
//	plain    address with its port, and time, in any order: "198.18.0.0:6000 2026-03-01T12:34:56Z", "… between … and …"; a number is
//	         the port right behind the address, behind "port", or where a heading has it, and else refused: it may count the lines;
//	         below a line that looks like names of columns, also in csv, only the column named as the port has it,
//	         and none right below a line of as many words as it has fields, which may be names of columns or a title without a colon;
//	         behind ->, "to" or "destination" an address or port is the destination's; and blocks, below
//	         behind a slash a number above 32 is the port; 198[.]18[.]0[.]0 is that address; also lines of sshd with a whole time and one address
//	mail     RFC 5322 with any of these in its text or attachments, also in a feedback report (RFC 5965), of which Arrival-Date is the time; its own Date
//	         is never the time of a question
//
// Any of them may be gzipped. Lines end with \n, \r\n or \r. A line that is no UTF-8 is one in the charset that its mail names, if that is
// ISO-8859-1, ISO-8859-15 or Windows-1252, and in Windows-1252 where nothing says. In any other charset only what is ASCII is read, and what else it
// says about a zone counts as unknown; one in which ASCII means something else is refused.
//
// # Blocks
//
// In mails and plain files, a question may be spread over lines:
//
//	IP: 198.18.0.0
//	Source port: 6000
//	Data/Hora: 2026-03-01 12:34:56 (UTC-03:00)
//	Destination IP: 203.0.113.9
//
// Labels are those of csv, in English, Portuguese, Spanish and German, behind a bullet or not; what stands in brackets behind the
// label of a time may be its zone or the order of its dates. A line with another label belongs to the block. It may be
// another value for what is asked about ("Second IP", "Corrected time", "Port 2"), or something that a bare "Port" is of: both are refused. A
// blank line, a line without a label, a heading ("Request 2:") and a label that was there already end it. Below a heading such as
// "Destination:" stand the address and port of the destination; a bare "Port" beside another address than
// the one that is asked for, or beside the name of an attacked system, is refused, as nobody knows whose it is. A line that is a question by itself stays one. A file that has blocks at its beginning, and no
// such line, is a letter.
//
// # Times
//
// A time to the second is an instant: From and To are equal. A time to the minute is that whole minute, a date that whole day,
// and an interval ends where its last day, minute, second or part of a second ends, as it was written: To is the first instant
// that is no longer meant. So does a flow whose duration is not 0. An interval from an instant to the same is that instant. A second 60
// (a leap second, 23:59:60 UTC on the last day of a month) is the interval from 23:59:59 to 00:00:01, because clocks disagree
// about what they call it, and some say 00:00:00. See [ParseTime].
//
// What an input states about its zone, and about ports that nothing names ("Port is the destination port"), is heeded wherever it stands, as far as
// [ReadStated] was asked to read it: see [Options].
//
// # Limits
//
// Memory does not grow with the input. A line may have 64 KiB, a row 256 columns, an XML token 1 MiB, a value 1 KiB; nesting
// ends at 32 levels, in mails at 8, and a mail may have 1,000 parts. There may be 1 TiB of text, and gzip
// may unfold to 200 times its size.
package request
