package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// A request is a line of the API server's audit log, as far as anybody asks.
type request struct {
	Stage string
	Verb  string
	User  struct{ Username string }
	Ref   struct{ Resource, Subresource, Namespace, Name string } `json:"objectRef"`
	At    time.Time                                               `json:"requestReceivedTimestamp"`
	Reply struct{ Code int }                                      `json:"responseStatus"`
}

// what is the request in two words: "patch httproutes", "patch canaries/status".
func (r request) what() string {
	resource := r.Ref.Resource
	if r.Ref.Subresource != "" {
		resource += "/" + r.Ref.Subresource
	}
	return r.Verb + " " + resource
}

func writes(what string) bool {
	verb, _, _ := strings.Cut(what, " ")
	return slices.Contains([]string{"create", "update", "patch", "delete", "deletecollection"}, verb)
}

// size is how long the log is now.
func sizeOf(file string) (int64, error) {
	info, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// requests hands over the requests of a service account between two places of the log, in the order of their ends.
func requests(file string, from, to int64, user string, hand func(request)) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewReaderSize(io.NewSectionReader(f, from, to-from), 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return nil // what follows the last line's end is not whole yet
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		var r request
		if err := json.Unmarshal(line, &r); err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		begun := r.Verb == "watch" && r.Stage == "ResponseStarted"
		done := r.Verb != "watch" && (r.Stage == "ResponseComplete" || r.Stage == "Panic")
		if r.User.Username == user && (begun || done) {
			hand(r)
		}
	}
}

// A step is what a tool wrote between two changes of the same route's weight.
type steps struct {
	route  string // resource that holds the weight
	open   map[string]map[string]int
	Number int            `json:"number"`
	Writes map[string]int `json:"writes"`
}

func newSteps(route string) *steps {
	return &steps{route: route, open: map[string]map[string]int{}, Writes: map[string]int{}}
}

// add counts a write for the application that it is for: all objects of one begin with its name. Its writes count once
// its route is written again; what comes before the first writing of the route belongs to the start of the release.
func (s *steps) add(r request) {
	if !writes(r.what()) || len(r.Ref.Name) < len(nameOf(0)) {
		return
	}
	app := r.Ref.Name[:len(nameOf(0))]
	if r.Ref.Resource == s.route && r.Ref.Subresource == "" {
		for what, n := range s.open[app] {
			s.Writes[what] += n
		}
		if s.open[app] != nil {
			s.Number++
		}
		s.open[app] = map[string]int{r.what(): 1}
		return
	}
	if s.open[app] != nil {
		s.open[app][r.what()]++
	}
}
