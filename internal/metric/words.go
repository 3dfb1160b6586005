package metric

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// Words are what the text of a query may name, as in `rate(errors{pod=~"{{ canary }}"}[{{ interval }}])`. There is nothing to
// compute in such a text, and so nothing to burn.
type Words map[string]string

// The words there are.
const (
	WordTarget         = "target"         // the target's name
	WordNamespace      = "namespace"      // empty outside of a cluster
	WordCanary         = "canary"         // the canary's instances by name, as an expression of alternatives: "a|b"
	WordStable         = "stable"         // and stable's
	WordCanaryRevision = "canaryRevision" // the revision being released
	WordStableRevision = "stableRevision" //
	WordCanaryService  = "canaryService"  // the Service that reaches the canary; empty where there is none
	WordStableService  = "stableService"  //
	WordInterval       = "interval"       // what the query looks back on: "1m"
)

// KnownWords lists them.
func KnownWords() []string {
	return []string{
		WordTarget, WordNamespace, WordCanary, WordStable, WordCanaryRevision, WordStableRevision, WordCanaryService, WordStableService, WordInterval,
	}
}

const (
	textMost   = 16 << 10 // bytes of a text before
	filledMost = 64 << 10 // and after its words are filled in
)

var word = regexp.MustCompile(`\{\{\s*([A-Za-z]+)\s*\}\}`)

// Check refuses a text with words that nobody knows.
func Check(text string) error {
	if len(text) > textMost {
		return fmt.Errorf("the text has %d bytes; at most %d are read", len(text), textMost)
	}
	for _, m := range word.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(KnownWords(), m[1]) {
			return fmt.Errorf("{{ %s }} stands for nothing; there is %s", m[1], strings.Join(KnownWords(), ", "))
		}
	}
	if at := strings.Index(word.ReplaceAllString(text, ""), "{{"); at >= 0 {
		return fmt.Errorf("%.20q is no word; want for instance {{ %s }}", text[strings.Index(text, "{{"):], WordTarget)
	}
	return nil
}

// Interval writes a stretch of time as queries do: "1m", "1h30m".
func Interval(d time.Duration) string { return model.Duration(d).String() }

// Fill puts values in the place of words, each as the text can bear it; nil: as it is. A word that stands for nothing now, such
// as the instances of a canary that has none, is an error.
func (w Words) Fill(text string, as func(string) string) (string, error) {
	if err := Check(text); err != nil {
		return "", err
	}
	for _, m := range word.FindAllStringSubmatch(text, -1) {
		if _, known := w[m[1]]; !known {
			return "", fmt.Errorf("{{ %s }} stands for nothing at present", m[1])
		}
	}
	filled := word.ReplaceAllStringFunc(text, func(m string) string {
		value := w[word.FindStringSubmatch(m)[1]]
		if as != nil {
			value = as(value)
		}
		return value
	})
	if len(filled) > filledMost {
		return "", fmt.Errorf("with its words filled in (%s) the text has more than %d bytes",
			strings.Join(slices.Sorted(maps.Keys(w)), ", "), filledMost)
	}
	return filled, nil
}
