package answer

// Harmless returns text of others as the CSV report has it: what does not print is replaced, and an apostrophe keeps spreadsheets from taking it for a formula.
// Subscribers choose their own names for RADIUS, and hosts for DHCP.
func Harmless(text string) string { return harmless(text) }

// Printable returns text of others for a terminal: what does not print is replaced.
func Printable(text string) string { return printable(text) }
