package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

// The elements of JUnit's XML, as build systems read it.
type (
	suite struct {
		XMLName  xml.Name   `xml:"testsuite"`
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Skipped  int        `xml:"skipped,attr"`
		Time     string     `xml:"time,attr"`
		Stamp    string     `xml:"timestamp,attr"`
		Fields   []property `xml:"properties>property"`
		Cases    []testCase `xml:"testcase"`
		Out      string     `xml:"system-out,omitempty"`
	}
	property struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	testCase struct {
		Class   string   `xml:"classname,attr"`
		Name    string   `xml:"name,attr"`
		Time    string   `xml:"time,attr"`
		Failure *message `xml:"failure"`
		Skipped *message `xml:"skipped"`
	}
	message struct {
		Text string `xml:"message,attr"`
		Kind string `xml:"type,attr,omitempty"`
		Body string `xml:",chardata"`
	}
)

// junit writes a test suite: the release itself is a test, and so is every metric that was judged. What was not decided is
// skipped, with the reason.
func (r Record) junit(w io.Writer) error {
	s := suite{
		Name: r.Release, Time: fmt.Sprintf("%.3f", r.Took), Stamp: r.Began.UTC().Format("2006-01-02T15:04:05"),
		Fields: []property{{"target", r.Target}, {"from", string(r.From)}, {"to", string(r.To)}, {"outcome", string(r.Outcome)}},
	}
	whole := testCase{Class: r.Canary, Name: "release of " + string(r.To), Time: s.Time}
	switch r.Outcome {
	case RolledBack:
		whole.Failure = &message{Text: r.Reason, Kind: r.Cause, Body: r.Place.String()}
	case Superseded, UnderWay:
		whole.Skipped = &message{Text: r.Reason}
	}
	s.Cases = append(s.Cases, whole)
	for _, a := range r.Analyses {
		for _, m := range a.Metrics {
			s.Cases = append(s.Cases, r.judged(a, m))
		}
	}
	for _, c := range s.Cases {
		s.Tests++
		if c.Failure != nil {
			s.Failures++
		}
		if c.Skipped != nil {
			s.Skipped++
		}
	}
	var events strings.Builder
	for _, e := range r.Events {
		fmt.Fprintf(&events, "%s %s: %s\n", r.since(e.At), e.Reason, e.Text)
	}
	s.Out = events.String()
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	out := xml.NewEncoder(w)
	out.Indent("", "  ")
	if err := out.Encode(s); err != nil {
		return fmt.Errorf("report %s: %w", r.Release, err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (r Record) judged(a progress.Analysis, m progress.Metric) testCase {
	c := testCase{Class: r.Canary + "." + a.Name, Name: m.Name, Time: "0"}
	switch m.Verdict {
	case plan.Fail:
		c.Failure = &message{Text: m.Summary(), Kind: "fail", Body: a.Reason}
	case plan.Pass:
	default:
		c.Skipped = &message{Text: fmt.Sprintf("%s: %s", m.Verdict, m.Summary())}
	}
	return c
}
