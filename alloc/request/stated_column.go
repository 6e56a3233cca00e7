package request

import "strings"

// offsetMarks are parts of names of fields that say how far clocks are off UTC, as normal writes them.
var offsetMarks = []string{"utc", "gmt", "offset", "desfase", "desfasaje", "defasagem", "zeitverschiebung", "decalage", "diferenciahoraria", "diferencahoraria", "zeitdifferenz", "timediff", "zonediff", "tzdiff", "timeshift", "tzminutes", "tzhours", "timebias", "tzbias"}

// booleans are values that say yes or no, or the like.
var (
	noes  = setOfWords("no false n f nein nao não non falso faux falsch 0")
	yeses = setOfWords("yes true y t ja sim si sí oui verdadeiro verdadero vrai wahr 1 x")
)

// saysOffset returns the zone of a line such as "offset_minutes: -180" or "is_utc: no", which nobody can know. Names of a zone alone, with
// an offset as those are written, are read elsewhere.
func (s *settings) saysOffset(line string) (foundZone, bool) {
	end := strings.IndexAny(line, ":=")
	if end <= 0 || end > maxName {
		return foundZone{}, false
	}
	label, value := line[:end], strings.ToLower(strings.Trim(line[end+1:], " \t\"'.,;"))
	n := normal(label)
	if localNames[strings.TrimPrefix(n, "is")] {
		return foundZone{at: end}, noes[value] || yeses[value] && s.zone != nil && s.zone.String() == "UTC"
	}
	read := strings.HasSuffix(n, "offsetfromutc") || strings.HasSuffix(n, "offsetfromgmt") || n == "utc" || n == "gmt" // with a number
	if r, _ := roleOf(label); r != 0 || !hasAny(n, offsetMarks) {
		return foundZone{}, false
	}
	if noes[value] && (value != "0" || n == "isutc" || n == "isgmt") {
		return foundZone{at: end}, true
	}
	return foundZone{at: end}, !read && isOffsetCount(value)
}

// localNames are names of fields that say whether times are local.
var localNames = setOfWords("local localtime timeislocal timesarelocal horalocal ortszeit")

// strangersTexts are names of fields that hold what a client sent, or a name that its owner chose: what stands there states nothing about the input.
var strangersTexts = setOfWords(`url uri httpurl requesturl requesturi httprequest request requestline path urlpath query querystring useragent httpuseragent agent httpagent referer referrer httpreferer
	banner payload hostname httphost rdns ptr`)

// isStrangers reports whether a text is "name: value" of such a field.
func isStrangers(text string) bool {
	name, _, ok := strings.Cut(text, ":")
	return ok && len(name) <= maxName && strangersTexts[normal(name)]
}

// isOffsetCount reports whether a value may be an offset in hours, minutes or seconds.
func isOffsetCount(value string) bool {
	c := cursor{s: value}
	if c.at(0) == '+' || c.at(0) == '-' {
		c.i++
	}
	count, width := c.digits()
	if !c.end() || width == 0 || width > 6 || count == 0 {
		return false
	}
	return count <= 14 || count%15 == 0 && count <= 14*60 || count%900 == 0 && count <= 14*3600
}
