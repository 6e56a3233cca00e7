package request

import (
	"strings"
	"time"
	"unicode"
)

// A field DST says whether clocks showed summer time, and is no destination, where it holds no more than a flag.

// savings and standards are what such a field holds besides yes and no.
var (
	savings   = setOfWords("dst summer summertime daylight sommer sommerzeit verao verão verano été ete estate legale")
	standards = setOfWords("standard std winter normal normalzeit")
)

// savingFillers are words of summer time that name no zone.
var savingFillers = setOfWords("time saving savings hora horário horario de heure zeit")

// saysSaving reports whether a text says that there is summer time, and names no zone.
func saysSaving(text string) bool {
	found := false
	for word := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if !savings[word] && !savingFillers[word] {
			return false
		}
		found = found || savings[word]
	}
	return found
}

func errSaving(text string) error {
	return refuse(ErrZone, "%s behind the offset may mean one hour more or nothing: write the offset that held then, alone", quoted(strings.Trim(text, " ()")))
}

// isSavingFlag reports whether a value says yes or no to summer time.
func isSavingFlag(value string) bool {
	lower := strings.ToLower(strings.Trim(value, " \t\r\n\"'"))
	return yeses[lower] || noes[lower] || savings[lower] || standards[lower]
}

// savingOr returns roleSaving for a field with the name dst that holds a flag, and else the role of its name.
func savingOr(r role, isDST bool, value string) role {
	if r == roleDestination && isDST && isSavingFlag(value) {
		return roleSaving
	}
	return r
}

// isDST reports whether a name of a destination may also be that of such a field.
func isDST(name string) bool { return normal(lastPart(name)) == "dst" }

// agreesWithSaving refuses a time without a zone of its own where a field says of summer time what is not so in the zone in which it was read.
func (it *item) agreesWithSaving(from, to time.Time, zone *time.Location, stamps ...*stamp) error {
	flag := it.values[roleSaving]
	if flag == "" || zone == nil {
		return nil
	}
	open := false
	for _, st := range stamps {
		open = open || st != nil && !st.zoned && st.epoch.IsZero()
	}
	lower := strings.ToLower(strings.Trim(flag, "\"'"))
	summer := yeses[lower] || savings[lower]
	if !open || (summer || noes[lower] || standards[lower]) && from.In(zone).IsDST() == summer && to.Add(-1).In(zone).IsDST() == summer {
		return nil
	}
	return refuse(ErrZone, "a field says %s about summer time, and in the zone of the time it is not so: find out which is right, and write the offset behind the time", quoted(flag))
}
