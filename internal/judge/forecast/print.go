package forecast

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"serin.dev/serin/internal/plan"
)

// Print writes the forecast as a table, one line per step.
func (f Forecast) Print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "at %s requests/s, of which stable fails %s, found nine times in ten while the step is held:\n", number(f.Traffic.Rate), percent(f.Traffic.Failures))
	t := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "\tstep\tcanary\theld\tfinds failures of\ttypically after\ta dead version after")
	for _, s := range f.Steps {
		fmt.Fprintf(t, "%d\t%s\t%s/s\t%s\t%s\n", s.Index, s.Name, number(s.Canary), brief(s.Hold), s.says())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if f.Promotion != nil {
		fmt.Fprintf(&b, "leave to promote: %s\n", f.Promotion)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s Step) says() string {
	switch {
	case s.Blind:
		return "nothing to compare with\t-\t-"
	case s.Smallest == nil:
		return "nothing\t-\t-"
	}
	return fmt.Sprintf("%s or more\t%s\t%s", percent(s.Smallest.Failures), s.Smallest, s.Dead)
}

// String says what it takes: "1m5s, 65 requests, 6 failed".
func (f Find) String() string {
	if f.Failures == 1 {
		return fmt.Sprintf("%s, %s requests", brief(f.After), number(f.Requests))
	}
	return fmt.Sprintf("%s, %s requests, %s failed", brief(f.After), number(f.Requests), number(f.Failed))
}

func (p Promotion) String() string {
	if time.Duration(p.By).Seconds() >= 1e9 {
		return "never, with this traffic"
	}
	text := fmt.Sprintf("typically %s after the first request, at step %d; nine times in ten by %s", brief(p.After), p.Step, brief(p.By))
	if p.Over > 0 {
		text += fmt.Sprintf(", %s after the last hold", brief(p.Over))
	}
	return text
}

// Futile is why a step finds nothing in its time, for a warning about it; "" where it finds something.
func (f Forecast) Futile(s Step) string {
	if s.Blind || s.Smallest != nil {
		return ""
	}
	text := fmt.Sprintf("at %s requests/s the canary gets %s requests in %s, too few to find even a version that fails every one",
		number(f.Traffic.Rate), number(s.Canary*time.Duration(s.Hold).Seconds()), brief(s.Hold))
	if s.Needs > 0 {
		return text + "; that takes " + brief(s.Needs) + " at this weight"
	}
	return text
}

func percent(share float64) string { return number(100*share) + "%" }

func number(x float64) string {
	if math.Abs(x) >= 100 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// brief writes a duration without empty units: "2m", not "2m0s".
func brief(d plan.Duration) string {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
