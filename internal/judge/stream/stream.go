package stream

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/condition"
	"serin.dev/serin/internal/judge/sequential"
	"serin.dev/serin/internal/judge/setting"
	"serin.dev/serin/internal/judge/threshold"
	"serin.dev/serin/internal/plan"
)

// LineMost is the longest line that is read, in bytes, and PairsMost the longest that holds series.
const (
	LineMost  = 8 << 20
	PairsMost = 32 << 20
)

// Kind reads which judge the settings ask for; sequential when they do not say. File names them in errors.
func Kind(file string, cfg []byte) (string, error) {
	o, err := setting.Parse(file, cfg)
	if err != nil {
		return "", err
	}
	kind := "sequential"
	o.Choice("kind", &kind, "sequential", "threshold", "condition", "kayenta")
	return kind, o.Mistakes()
}

// New builds the judge that the settings ask for.
func New(file string, cfg []byte) (judge.Judge, error) {
	kind, err := Kind(file, cfg)
	if err != nil {
		return nil, err
	}
	o, err := setting.Parse(file, cfg)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "sequential":
		c, err := sequential.Read(o)
		if err != nil {
			return nil, err
		}
		return sequential.New(c)
	case "threshold":
		c, err := threshold.Read(o)
		if err != nil {
			return nil, err
		}
		return threshold.New(c)
	case "condition":
		c, err := condition.Read(o)
		if err != nil {
			return nil, err
		}
		return condition.New(c)
	}
	o.Refuse("kind", "%s does not judge looks", kind)
	return nil, o.Mistakes()
}

// Run answers looks from in on out until in ends or ctx does. The settings are those of the `judge:` block; empty ones are
// all defaults.
func Run(ctx context.Context, in io.Reader, out io.Writer, cfg []byte) error {
	kind, err := Kind("JUDGE.yaml", cfg)
	if err != nil {
		return err
	}
	if kind == "kayenta" {
		s, err := NewStandIn("JUDGE.yaml", cfg)
		if err != nil {
			return err
		}
		return ServePairs(ctx, in, out, s)
	}
	j, err := New("JUDGE.yaml", cfg)
	if err != nil {
		return err
	}
	return Serve(ctx, in, out, j)
}

// An Answer is one line of output.
type Answer struct {
	Release string  `json:"release"`
	T       float64 `json:"t"`
	plan.Verdict
}

// Serve is Run with a judge already built.
func Serve(ctx context.Context, in io.Reader, out io.Writer, j judge.Judge) error {
	lines, encoder := newLines(in, LineMost), json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	releases := map[string]judge.State{}
	for ctx.Err() == nil {
		line, err := lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, new(longError)):
			err = encoder.Encode(complaint{lines.complain(err)})
		case err != nil:
			return fmt.Errorf("read looks: %w", err)
		case len(line) == 0:
			continue
		default:
			err = answer(j, releases, lines, line, encoder)
		}
		if err != nil {
			return fmt.Errorf("write verdict: %w", err)
		}
	}
	return ctx.Err()
}

func answer(j judge.Judge, releases map[string]judge.State, lines *lines, line []byte, out *json.Encoder) error {
	release, look, err := Decode(line)
	if err != nil {
		return out.Encode(complaint{lines.complain(err)})
	}
	state, known := releases[release]
	if !known {
		state = j.Start()
	}
	state, verdict := j.Look(state, look)
	releases[release] = state
	return out.Encode(Answer{Release: release, T: look.T, Verdict: verdict})
}

type complaint struct {
	Error string `json:"error"`
}

// lines reads bounded lines and counts them.
type lines struct {
	in   *bufio.Reader
	most int // bytes of a line
	n    int
	at   []byte
}

// A longError is the most bytes a line may have.
type longError int

func (e longError) Error() string { return fmt.Sprintf("longer than %d bytes", int(e)) }

func newLines(in io.Reader, most int) *lines {
	return &lines{in: bufio.NewReaderSize(in, 64<<10), most: most}
}

// next returns a line without its end and without space around it. Of one that is too long the rest is skipped.
func (l *lines) next() ([]byte, error) {
	l.n++
	l.at = l.at[:0]
	long := false
	for {
		part, err := l.in.ReadSlice('\n')
		if len(l.at)+len(part) > l.most {
			long = true
		} else if !long {
			l.at = append(l.at, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (len(l.at) > 0 || long):
		case err != nil:
			return nil, err
		}
		if long {
			return nil, longError(l.most)
		}
		return trim(l.at), nil
	}
}

func (l *lines) complain(err error) string { return fmt.Sprintf("line %d: %v", l.n, err) }
