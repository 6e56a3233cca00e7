package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A route is a path of the API, and who may use it.
type route struct {
	method string
	path   string // with {names} for what differs
	role   Role   // that it takes, at least
	body   int64  // how long it may be
	code   int    // of an answer
	serve  func(s *server, r *http.Request) (answer any, err error)
}

// routes are all paths. docs/openapi.yaml has the same.
var routes = []route{
	{http.MethodGet, "/v1/status", Read, maxBody, http.StatusOK, (*server).status},
	{http.MethodGet, "/v1/pools", Read, maxBody, http.StatusOK, (*server).pools},
	{http.MethodGet, "/v1/subscribers/{realm}/{addr}", Read, maxBody, http.StatusOK, (*server).subscriber},
	{http.MethodGet, "/v1/top", Read, maxBody, http.StatusOK, (*server).top},
	{http.MethodGet, "/v1/trace", Trace, maxBody, http.StatusOK, (*server).trace},
	{http.MethodGet, "/v1/epochs", Read, maxBody, http.StatusOK, (*server).epochs},
	{http.MethodPost, "/v1/epochs", Admin, maxPlan, http.StatusCreated, (*server).addEpoch},
	{http.MethodPost, "/v1/reload", Admin, maxBody, http.StatusAccepted, (*server).reload},
}

// find returns the route of a request, and has the request know what stands for {names}. A path is taken as it is: nobody is sent
// elsewhere. The error is a failure.
func find(r *http.Request) (route, error) {
	var methods []string
	for _, rt := range routes {
		if !rt.matches(r) {
			continue
		}
		methods = append(methods, rt.method)
		if rt.method == r.Method || rt.method == http.MethodGet && r.Method == http.MethodHead {
			return rt, nil
		}
	}
	if len(methods) == 0 {
		return route{}, failf(http.StatusNotFound, "no such path; docs/openapi.yaml has them all")
	}
	if slices.Contains(methods, http.MethodGet) {
		methods = append(methods, http.MethodHead)
	}
	f := failf(http.StatusMethodNotAllowed, "want %s", strings.Join(methods, " or "))
	f.allow = strings.Join(methods, ", ")
	return route{}, f
}

// matches reports whether a request has the path, and notes what stands for {names} if so.
func (rt route) matches(r *http.Request) bool {
	want, got := strings.Split(rt.path, "/"), strings.Split(r.URL.EscapedPath(), "/")
	if len(want) != len(got) {
		return false
	}
	values := map[string]string{}
	for i, part := range got {
		text, err := url.PathUnescape(part)
		name, named := strings.CutPrefix(want[i], "{")
		switch {
		case err != nil, named && text == "", !named && text != want[i]:
			return false
		case named:
			values[strings.TrimSuffix(name, "}")] = text
		}
	}
	for name, text := range values {
		r.SetPathValue(name, text)
	}
	return true
}
