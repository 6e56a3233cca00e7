package request

import "strings"

// strongAbbreviations are names of zones that mean nothing else: they count in lines about anything. The others do in lines about time, or of
// few words, and those that are names of other things, too, right beside a word about time. All of them count in upper case alone.
const (
	strongAbbreviations = "CET CEST MEZ MESZ EDT CDT MDT PDT EEST BRST AEST AEDT"
	otherAbbreviations  = "EST CST MST PST BST IST JST MSK BRT EET MET WET SAST"
	wordAbbreviations   = `ACDT ACST ADT AFT AKDT AKST ALMT AMST AMT ARST ART AST AWST AZOT AZT BOT BTT CAT CHADT CHAST CHST CLST CLT COT CVT EASST EAT FJT FNT GFT
		GST GYT HADT HAST HDT HKT HST ICT IDT IRDT IRKT IRST KGT KRAT KST LKT MAGT MMT MSD MYT NDT NOVT NPT NST NZDT NZST OESZ OEZ OMST PET PHT PKT PYST PYT
		SGT SRT SST TJT TMT TRT ULAT UYST UYT UZT VET VLAT WAT WESZ WEST WEZ WGT WIB WITA YAKT YEKT`
)

// abbreviations are names of zones that several countries use, or that change with the season.
var (
	abbreviations = setOfWords(strongAbbreviations + " " + otherAbbreviations + " " + wordAbbreviations)
	isStrong      = setOfWords(strongAbbreviations)
	wordLike      = setOfWords(wordAbbreviations)
)

// letterPairs are names of zones of North America with and without summer time; beside a word about time alone.
var letterPairs = setOfWords("ET CT MT PT")

// zoneAreas are the first parts of names in the table of zones.
var zoneAreas = setOfWords("africa america antarctica arctic asia atlantic australia brazil canada chile etc europe indian mexico pacific us")

// timelike are what stands beside a zone in one word: UTC-Zeit, hora_ART.
var timelike = setOfWords(`zeit uhrzeit zone time times timezone standard based zeitzone hora horas horario fecha fechas date datetime data datum clock timestamp heure ora orario
	start end from to begin inicio fim fin first last seen`)

// isZoneWord reports whether a word is UTC, GMT or an abbreviation.
func isZoneWord(word string) bool {
	return abbreviations[word] || strings.EqualFold(word, "utc") || strings.EqualFold(word, "gmt")
}

// parts cuts a word that names zones in a way of its own: CET/CEST, Unix/UTC, UTC-Zeit, EST5EDT, U.T.C. Others stay one.
func (s *settings) parts(whole spot) []spot {
	word := whole.word
	if i := strings.LastIndexByte(word, ':') + 1; i > 0 && isZoneWord(word[i:]) { // tz:CET
		return []spot{{word[i:], whole.at + i, whole.end}}
	}
	if undotted := strings.ReplaceAll(word, ".", ""); 2*len(undotted)-1 <= len(word)+1 && len(undotted) > 2 && strings.Count(word, ".") >= len(undotted)-1 && isZoneWord(undotted) {
		whole.word = undotted
		return []spot{whole}
	}
	if len(word) <= 3 || len(word) > maxGiven || isUTC(word) && s.isZone(word) || !strings.ContainsAny(word, "/-_+~0123456789") || hasArea(word) && s.isZone(word) {
		return []spot{whole}
	}
	if isUTC(word) && strings.Trim(word[3:], "0123456789") == "" { // UTC3, and nobody knows on which side
		return []spot{whole}
	}
	if strings.Contains(word, "/") {
		return s.cut(whole, "/", func(part string) bool { return isZoneWord(part) || isUTC(part) && s.isZone(part) }, false)
	}
	return s.cut(whole, "-_+~0123456789", isZoneWord, true)
}

// cut cuts a word at marks if a part names a zone; with only, if the others are about time.
func (s *settings) cut(whole spot, marks string, names func(string) bool, only bool) (found []spot) {
	ok, digits := false, 0
	start := 0
	for i := 0; i <= len(whole.word); i++ {
		if i < len(whole.word) && isDigit(whole.word[i]) {
			digits++
		} else {
			digits = 0
		}
		if i < len(whole.word) && strings.IndexByte(marks, whole.word[i]) < 0 {
			continue
		}
		if only && digits > 2 {
			return []spot{whole} // the number of a case
		}
		if part := whole.word[start:i]; part != "" {
			named := names(part)
			if ok = ok || named; only && !named && !timelike[strings.ToLower(part)] {
				return []spot{whole}
			}
			found = append(found, spot{word: part, at: whole.at + start})
		}
		start = i + 1
	}
	if !ok {
		return []spot{whole}
	}
	if !only { // each may have a form of its own: CET/UTC-Zeit
		var all []spot
		for _, part := range found {
			all = append(all, s.parts(part)...)
		}
		found = all
	}
	found[len(found)-1].end = whole.end
	return found
}

// isZone reports whether a word can be read as a zone.
func (s *settings) isZone(word string) bool {
	_, err := s.parseZone(word)
	return err == nil
}

// isNamed reports whether a line has an abbreviation of a zone.
func isNamed(line []byte) bool {
	start := -1
	for i := 0; i <= len(line); i++ {
		if i < len(line) && 'A' <= line[i] && line[i] <= 'Z' {
			if start < 0 {
				start = i
			}
			continue
		}
		if n := i - start; start >= 0 && n >= 3 && n <= 5 && abbreviations[string(line[start:i])] {
			return true
		}
		start = -1
	}
	return false
}

// nations are countries and what is theirs, in languages of those who write: the zone, or "" where there are several or nobody knows which.
// Their times are stated by these names: "Argentina", "hora argentina", "deutsche Ortszeit".
var nations = func() map[string]string {
	m := map[string]string{}
	for zone, names := range map[string]string{
		"America/Argentina/Buenos_Aires": "argentina argentine argentinian argentino argentinien argentinische argentinischer",
		"Europe/Berlin":                  "germany german deutschland deutsche deutscher deutschen deutschem alemania alemana alemã alemanha alemão allemagne allemande germania tedesca",
		"Europe/Vienna":                  "austria austrian österreich österreichische österreichischer áustria",
		"Europe/Zurich":                  "switzerland swiss schweiz schweizer suisse svizzera suíça suiza",
		"Europe/Paris":                   "french france française francesa francese frankreich französische französischer francia",
		"Europe/Rome":                    "italy italian italia italiana italiano italien italienische italienischer itália",
		"Europe/Amsterdam":               "netherlands dutch nederlandse nederland niederlande niederländische holland",
		"Europe/Brussels":                "belgium belgian belgien belgische belge belgique",
		"Europe/Warsaw":                  "poland polish polen polnische polski polska",
		"Europe/Prague":                  "czech czechia tschechien tschechische",
		"Europe/Budapest":                "hungary hungarian ungarn ungarische",
		"Europe/Athens":                  "greece greek griechenland griechische",
		"Europe/Bucharest":               "romania romanian rumänien rumänische",
		"Europe/Sofia":                   "bulgaria bulgarian bulgarien",
		"Europe/London":                  "uk british britain britische england english",
		"Europe/Dublin":                  "ireland irish irland irische",
		"Europe/Stockholm":               "sweden swedish schweden schwedische",
		"Europe/Oslo":                    "norway norwegian norwegen norwegische",
		"Europe/Copenhagen":              "denmark danish dänemark dänische",
		"Europe/Helsinki":                "finland finnish finnland finnische",
		"Europe/Kyiv":                    "ukraine ukrainian ukrainische",
		"Europe/Istanbul":                "turkey turkish türkei türkische",
		"Asia/Jerusalem":                 "israel israeli",
		"Asia/Kolkata":                   "india indian indien indische",
		"Asia/Kathmandu":                 "nepal nepali nepalese",
		"Asia/Tokyo":                     "japan japanese japanische japón",
		"Asia/Seoul":                     "korea korean",
		"Asia/Shanghai":                  "china chinese chinesische",
		"Asia/Singapore":                 "singapore",
		"Asia/Bangkok":                   "thailand thai",
		"Asia/Manila":                    "philippines philippine",
		"Asia/Karachi":                   "pakistan pakistani",
		"Asia/Dubai":                     "emirates uae",
		"Africa/Johannesburg":            "südafrika sudáfrica",
		"America/Bogota":                 "colombia colombian colombiana kolumbien colômbia",
		"America/Lima":                   "peru perú peruvian peruana",
		"America/Caracas":                "venezuela venezuelan venezolana",
		"America/La_Paz":                 "bolivia bolivian boliviana bolívia",
		"America/Montevideo":             "uruguay uruguayan uruguaya uruguai",
		"America/Asuncion":               "paraguay paraguayan paraguaya paraguai",
		"America/Panama":                 "panama panamá",
		"America/Guatemala":              "guatemala",
		"America/Tegucigalpa":            "honduras",
		"America/Managua":                "nicaragua",
		"America/Havana":                 "cuba cuban cubana",
		"": "brazil brazilian brasil brasileira brasileiro brasilien brasilianische mexico méxico mexican mexicana mexiko mexikanische canada canadian kanada usa american amerikanische americana russia russian russland russische " +
			"australia australian australische spain spanish españa española spanien spanische espanhola espanha portugal portuguese portuguesa portugiesische chile chilean chilena ecuador ecuatoriana indonesia indonesian",
	} {
		for name := range strings.FieldsSeq(names) {
			m[name] = zone
		}
	}
	return m
}()

// regions are parts of countries that have a zone, with summer time or without.
var regions = setOfWords("eastern central pacific mountain atlantic hawaiian alaskan")
