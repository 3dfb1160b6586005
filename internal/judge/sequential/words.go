package sequential

import (
	"strconv"
)

// words are a sentence under way. A verdict has one for every look, so its memory is used again.
type words []byte

func (w *words) say(text string) { *w = append(*w, text...) }

// count adds a whole number.
func (w *words) count(x float64) { *w = strconv.AppendFloat(*w, x, 'f', 0, 64) }

// about adds a number of three digits.
func (w *words) about(x float64) { *w = strconv.AppendFloat(*w, x, 'g', 3, 64) }

// exactly adds a number as it was written down by whoever set it.
func (w *words) exactly(x float64) { *w = strconv.AppendFloat(*w, x, 'g', -1, 64) }

// percent adds what x is of n.
func (w *words) percent(n, x float64) {
	w.about(100 * x / max(n, 1))
	w.say(" %")
}

// A reckoning is what both the reason and the findings of a verdict tell.
type reckoning struct {
	low, high float64 // limits of the ratio of failures
	needs     int64
	text      words
}

// reckon prepares to put the present state into words.
func (s *state) reckon(r *rules) {
	s.told.low, s.told.high = s.Fail.limits()
	s.told.needs = s.needs(r)
	s.told.text = s.told.text[:0]
}
