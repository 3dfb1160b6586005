package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/net/html"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/progress/scenes"
	"serin.dev/serin/internal/report"
)

// trailed gives a scene the trail of an analysis: what it was like to look every five seconds.
func trailed(f progress.Facts, looks int) progress.Facts {
	t := plan.Trail{}
	for i := range looks {
		noise := 0.1 * math.Sin(float64(i))
		t = t.Add(plan.Point{
			T: float64(5 * i), Step: 1 + i/50, Weight: float64(1 + i/50), Outcome: plan.Hold, Evidence: math.Exp(float64(i)/float64(looks)*5 + noise),
			Stable: int64(500 * i), Canary: int64(50 * i), Effects: []plan.Effect{{Value: 1.2 + noise, Low: 0.5, High: 3}, {Value: 1 + noise, Low: 0.9, High: 1.1}},
		}, []string{"failures", "latency"})
	}
	t.Began = f.Created.Add(time.Second)
	bounds := []float64{.01, .05, .1, .5}
	t = t.Time(plan.Stable, bounds, []int64{100, 4000, 4900, 5000}, 5010)
	t = t.Time(plan.Canary, bounds, []int64{1, 40, 480, 500}, 501)
	f.Trails = map[string]plan.Trail{"judge": t}
	return f
}

func written(t *testing.T, r progress.Release, as report.Format) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Of(r).Write(&b, as); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Every release there can be has a record that the published schema describes, to the last field.
func TestRecordsHaveTheirSchema(t *testing.T) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile("../../docs/schema/report.json")
	if err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]bool{}
	for _, scene := range scenes.All() {
		for _, looks := range []int{0, 1, 300} {
			f := scene.Facts
			if looks > 0 {
				f = trailed(f, looks)
			}
			text := written(t, progress.Of(f), report.JSON)
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(value); err != nil {
				t.Errorf("%s with %d looks: %v\n%s", scene.Name, looks, err, text)
			}
			outcomes[fmt.Sprint(value.(map[string]any)["outcome"])] = true
			spoilt := value.(map[string]any)
			spoilt["outcome"] = "perhaps"
			if schema.Validate(spoilt) == nil {
				t.Fatal("the schema lets everything through")
			}
		}
	}
	if len(outcomes) != 4 {
		t.Errorf("the scenes have the outcomes %v, which is not all", outcomes)
	}
}

// Build systems read counts that are true, and a failure where the release went back.
func TestJUnit(t *testing.T) {
	for _, scene := range scenes.All() {
		text := written(t, progress.Of(scene.Facts), report.JUnit)
		var suite struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Skipped  int `xml:"skipped,attr"`
			Cases    []struct {
				Name    string    `xml:"name,attr"`
				Failure *struct{} `xml:"failure"`
				Skipped *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		}
		if err := xml.Unmarshal([]byte(text), &suite); err != nil {
			t.Fatalf("%s: %v\n%s", scene.Name, err, text)
		}
		failures, skipped := 0, 0
		for _, c := range suite.Cases {
			if c.Failure != nil {
				failures++
			}
			if c.Skipped != nil {
				skipped++
			}
		}
		if suite.Tests != len(suite.Cases) || suite.Failures != failures || suite.Skipped != skipped || suite.Tests == 0 {
			t.Errorf("%s: the suite counts %d tests, %d failed, %d skipped; there are %d, %d, %d", scene.Name, suite.Tests, suite.Failures, suite.Skipped, len(suite.Cases), failures, skipped)
		}
		if back := scene.Facts.Position.Phase == plan.Returned; back != (suite.Cases[0].Failure != nil) {
			t.Errorf("%s: the release failed: %v", scene.Name, !back)
		}
	}
}

// What people and back ends write is text wherever it comes to stand.
func TestNothingIsMarkup(t *testing.T) {
	const evil = `</title><script>alert(1)</script>"'><img src=x onerror=alert(1)> | [a](javascript:b) ` + "`x`\n# y"
	f := trailed(scenes.RolledBack(), 120)
	f.Canary, f.Release, f.Target, f.Trouble = evil, evil, evil, evil
	f.Plan.Canary = plan.Revision(evil)
	f.Position.Failure.Text, f.Position.Failure.Reason = evil, evil
	f.Log = append(f.Log, progress.Event{At: f.Now, Reason: evil, Text: evil, Step: 1})
	f.Acts = []plan.Act{{Verb: plan.Abort, Actor: evil, Reason: evil, At: f.Now}}
	f.Plan.Steps[1].Name = evil
	page := written(t, progress.Of(f), report.HTML)
	tokens := html.NewTokenizer(strings.NewReader(page))
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			if tokens.Err() != io.EOF {
				t.Fatal(tokens.Err())
			}
			break
		}
		token := tokens.Token()
		if kind == html.StartTagToken && (token.Data == "script" || token.Data == "img" || token.Data == "a" || token.Data == "link") {
			t.Errorf("the page has the element %s", token)
		}
		for _, a := range token.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "href" {
				t.Errorf("the page has the attribute %s=%q", a.Key, a.Val)
			}
		}
	}
	if regexp.MustCompile(`url\(|@import|NaN|Inf`).MatchString(page) {
		t.Error("the page loads something, or draws what is no number")
	}
	if !strings.Contains(page, "&lt;script&gt;") {
		t.Error("what was written is not there as text")
	}
	for _, line := range strings.Split(written(t, progress.Of(f), report.Markdown), "\n") {
		line = regexp.MustCompile("(^|[^\\\\])`[^`]*`").ReplaceAllString(line, "") // what stands in code is text
		if regexp.MustCompile(`<(script|img)|^# y|[^\\]\]\(javascript`).MatchString(line) {
			t.Errorf("Markdown has markup in %q", line)
		}
	}
	if err := xml.Unmarshal([]byte(written(t, progress.Of(f), report.JUnit)), &struct{}{}); err != nil {
		t.Errorf("JUnit: %v", err)
	}
}

// The page has the plots of an analysis once there is something to draw, with a text for those who do not see them.
func TestPlots(t *testing.T) {
	for looks, want := range map[int]int{0: 0, 1: 0, 2: 5, 1000: 5} {
		f := scenes.Promoted()
		if looks > 0 {
			f = trailed(f, looks)
		}
		page := written(t, progress.Of(f), report.HTML)
		if n := strings.Count(page, `role="img" aria-label="`); n != want {
			t.Errorf("after %d looks the page has %d plots, want %d", looks, n, want)
		}
		if strings.Contains(page, "NaN") || strings.Contains(page, "Inf") {
			t.Errorf("after %d looks something is drawn that is no number", looks)
		}
	}
}

// Every scene is told in every format; an unknown one is refused.
func TestFormats(t *testing.T) {
	for _, scene := range scenes.All() {
		r := progress.Of(trailed(scene.Facts, 50))
		for _, as := range report.Formats() {
			if text := written(t, r, as); !strings.Contains(text, string(r.To)) {
				t.Errorf("%s as %s does not name the revision:\n%s", scene.Name, as, text)
			}
		}
	}
	if err := (report.Record{}).Write(io.Discard, "pdf"); err == nil {
		t.Error("a format that does not exist was written")
	}
	for name, want := range map[string]report.Format{"a/b.html": report.HTML, "x.md": report.Markdown, "j.xml": report.JUnit, "r.json": report.JSON, "t.txt": report.Text} {
		if got, err := report.ByName(name); err != nil || got != want {
			t.Errorf("%s is %s, %v", name, got, err)
		}
	}
	if _, err := report.ByName("report.pdf"); err == nil {
		t.Error("report.pdf has a format")
	}
	var r report.Record
	if err := json.Unmarshal([]byte(written(t, progress.Of(scenes.RolledBack()), report.JSON)), &r); err != nil || r.Outcome != report.RolledBack {
		t.Errorf("a record does not read back: %v", err)
	}
}
