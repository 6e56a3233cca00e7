package request

import (
	"strings"
	"testing"
)

// TestListsBesideMembers checks that neither a list nor what stands beside it is dropped, whatever the order.
func TestListsBesideMembers(t *testing.T) {
	const (
		own   = `"ip":"198.18.0.0","port":6000,"time":"2026-01-10T12:34:56Z"`
		other = `{"ip":"198.18.0.1:6001","time":"2026-01-10T12:34:56Z"}`
		six   = "1: 198.18.0.0:6000 at 2026-01-10T12:34:56Z"
		one   = "1: 198.18.0.1:6001 at 2026-01-10T12:34:56Z"
		bad   = "1: unparsable"
	)
	for text, want := range map[string][]string{
		`{` + own + `,"requests":[` + other + `]}`:                                     {one, six},
		`{"requests":[` + other + `],` + own + `}`:                                     {one, six},
		`{"ip":"198.18.0.0","requests":[` + other + `],"time":"2026-01-10T12:34:56Z"}`: {one, "1: 198.18.0.0 at 2026-01-10T12:34:56Z"},
		`{"address":"Rua X 5","requests":[` + other + `]}`:                             {one, bad},
		`{"requests":[` + other + `],"address":"Rua X 5"}`:                             {one, bad},
		`{"port":[1,2],"requests":[` + other + `]}`:                                    {one, bad},
		`{"data":[` + other + `]}`:                                                     {one},
		`{"case":"7","a":[` + other + `],"b":[` + other + `]}`:                         {one, one},
		`{"a":{"b":{"requests":[` + other + `]}}}`:                                     {one},
		`[{` + own + `,"requests":[` + other + `]}]`:                                   {one, six},
		`[{"case":7,"requests":[` + other + `,` + other + `]}]`:                        {one, one},
		`{"requests":[{` + own + `,"more":[` + other + `]}]}`:                          {one, six},
		`{` + own + `,"requests":[{"port":1,"time":"2026-01-10T12:34:56Z"}]}`:          {"1: invalid address", six},
		`{` + own + `,"requests":[{"time":"2026-01-10T12:34:56Z"}]}`:                   {"1: invalid address", six},
		`{` + own + `,"files":[{"name":"a.pdf"}],"pages":[1,2]}`:                       {six},
		`{"files":[{"name":"a.pdf"}],"pages":[1,2],` + own + `}`:                       {six},
		`{"requests":[{"name":"x"},` + other + `,"198.18.0.2:1"]}`:                     {one, bad},
		`{"requests":["198.18.0.2:1",` + other + `]}`:                                  {one, bad},
		`{"requests":["198.18.0.2:1"]}`:                                                {"1: invalid address"},
		`{"requests":[{"name":"x"}]}`:                                                  {"1: invalid address"},
		`{"ip":"198.18.0.0","port":[],"time":"2026-01-10T12:34:56Z"}`:                  {bad},
		`{"ip":"198.18.0.0","port":[{"number":1}],"time":"2026-01-10T12:34:56Z"}`:      {bad},
		`{` + own + `,"port":6001}`:                                                    {bad},
		`{` + own + `,"port":6000}`:                                                    {six},
	} {
		if got := askedOf(t, text, Options{}); got != strings.Join(want, "\n") {
			t.Errorf("%s:\ngot  %s\nwant %s", text, got, strings.Join(want, "\n"))
		}
	}
	got, err := read(t, strings.NewReader("{\"requests\": [\n"+other+",\n{\"name\": \"x\"},\n{\"name\": \"y\"}\n],\n"+own+"}"), Options{})
	if err != nil || len(got) != 3 || got[1].Line != 3 || got[1].Text != `{"name": "x"}` || got[1].Err.Error() != "2 elements of the list hold no question: give each an address and a time" {
		t.Errorf("%+v (%v)", got, err)
	}
	if len(got) == 3 && (got[2].Line != 1 || got[2].Text != `{"requests": [`) {
		t.Errorf("%+v", got[2])
	}
}
