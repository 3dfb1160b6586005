package native

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"serin.dev/serin/internal/plan"
)

// decimal is how people write per cent: no exponents, no hexadecimal.
var decimal = regexp.MustCompile(`^-?[0-9]{1,9}(\.[0-9]{1,9})?$`)

// percent reads "12.5", "12.5%" or 12.5 as thousandths.
func percent(text string) (plan.Share, error) {
	digits := strings.TrimSpace(strings.TrimSuffix(text, "%"))
	if !decimal.MatchString(digits) {
		return 0, fmt.Errorf("%q is not a percentage such as 5, 12.5 or \"12.5%%\"", text)
	}
	value, err := strconv.ParseFloat(digits, 64)
	tenths := math.Round(value * 10)
	switch {
	case err != nil || value < 0 || value > 100:
		return 0, fmt.Errorf("%s is not from 0 to 100 per cent", text)
	case math.Abs(value*10-tenths) > 1e-6:
		return 0, fmt.Errorf("%s is finer than 0.1 per cent", text)
	}
	return plan.Share(tenths), nil
}

// amount reads "50%" or a number of replicas.
func amount(text string) (plan.Capacity, error) {
	if strings.HasSuffix(text, "%") {
		share, err := percent(text)
		if err == nil && share == 0 {
			err = fmt.Errorf("%s of the target is nothing", text)
		}
		return plan.Capacity{Share: share}, err
	}
	replicas, err := strconv.Atoi(text)
	if err != nil || replicas < 1 || replicas > 1_000_000 {
		return plan.Capacity{}, fmt.Errorf("%q is neither a percentage with its sign such as \"50%%\" nor a number of replicas from 1", text)
	}
	return plan.Capacity{Replicas: replicas}, nil
}

// duration reads a duration in Go's form, at least zero.
func duration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil && decimal.MatchString(text):
		return 0, fmt.Errorf("%s has no unit; write for instance %ss or %sm", text, text, text)
	case err != nil:
		return 0, fmt.Errorf("%q is not a duration such as \"90s\" or \"1h30m\"", text)
	case d < 0:
		return 0, fmt.Errorf("%s is negative", text)
	}
	return d, nil
}

// suggest names the known word that was probably meant, or all of them where they are few.
func suggest(word string, known []string) string {
	if best := nearest(word, known); best != "" {
		return fmt.Sprintf("; did you mean %s?", best)
	}
	const few = 16
	if len(known) == 0 || len(known) > few {
		return ""
	}
	slices.Sort(known)
	return "; there is " + strings.Join(known, ", ")
}

// nearest is the known word with the fewest slips of the pen, "" when none is near. Ties go to the alphabet.
func nearest(word string, known []string) string {
	slices.Sort(known)
	best, least := "", max(1, len(word)/3)
	for _, k := range known {
		if n := distance(strings.ToLower(word), strings.ToLower(k)); n < least || n == least && best == "" {
			best, least = k, n
		}
	}
	return best
}

// distance is the number of letters to insert, delete, replace or swap with their neighbour (Damerau, 1964, the
// restricted form).
func distance(a, b string) int {
	if len(a) > maxWord || len(b) > maxWord {
		return maxWord
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		older := before
		before, row = row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(before[j]+1, row[j-1]+1, before[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

// maxWord is the longest word worth comparing.
const maxWord = 64
