package replay

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
)

// Schema names the format of a recording: JSON lines, a Head and then Frames, each followed by the Answers of its instant. Fields are
// only added; a change of meaning is another schema. The first one, which is still read, had no answers.
const (
	Schema = "https://serin.dev/schema/recording/2"
	first  = "https://serin.dev/schema/recording/1"
)

const (
	lineLimit    = 16 << 20 // bytes of one line
	answersLimit = 64 << 20 // bytes of the answers of one instant
)

// A Head says what was recorded.
type Head struct {
	Schema string                           `json:"schema"`
	Spec   string                           `json:"spec,omitempty"` // digest of the policy it was recorded under; absent: not known
	Target string                           `json:"target"`         // "Process/checkout"
	Tracks map[plan.TrackName]plan.Revision `json:"tracks"`         // what was compared
	Start  time.Time                        `json:"start"`          // when the release began; frames before it are history of stable
}

// A Frame is what was counted up to one instant.
type Frame struct {
	At     time.Time `json:"at"`
	Weight *float64  `json:"weight,omitempty"` // per cent of traffic meant for the canary; absent: not known
	metric.Snapshot
	Answers []Answer `json:"-"` // lines of their own
}

// An Answer is what a query of the users' own was answered with, for a look at the instant of its frame.
type Answer struct {
	Analysis string `json:"analysis"`
	Metric   string `json:"metric"`
	judge.Reading
}

// A Tape gives a recording, oldest frame first; Next returns io.EOF after the last.
type Tape interface {
	Head() Head
	Next(ctx context.Context) (Frame, error)
}

// A Writer writes a recording.
type Writer struct {
	out  *json.Encoder
	last time.Time
}

// NewWriter writes the head.
func NewWriter(w io.Writer, h Head) (*Writer, error) {
	h.Schema = Schema
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	if err := out.Encode(h); err != nil {
		return nil, fmt.Errorf("write the recording: %w", err)
	}
	return &Writer{out: out}, nil
}

// Write writes one frame. Of a second one of the same instant only the answers are written: it is the same counters, read for
// another analysis.
func (w *Writer) Write(f Frame) error {
	if f.At.After(w.last) {
		w.last = f.At
		if err := w.encode(f); err != nil {
			return err
		}
	}
	if !f.At.Equal(w.last) {
		return nil
	}
	for _, a := range f.Answers {
		if err := w.encode(answered{f.At, a}); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) encode(line any) error {
	if err := w.out.Encode(line); err != nil {
		return fmt.Errorf("write the recording: %w", err)
	}
	return nil
}

// answered is the line of an answer.
type answered struct {
	At time.Time `json:"at"`
	Answer
}

// A line is a frame or an answer.
type line struct {
	Frame
	Answer
}

// A file is a recording that is read line by line.
type file struct {
	name  string
	head  Head
	in    *bufio.Scanner
	line  int
	ahead *Frame // the next frame, which ended the answers of the one before it
	last  time.Time
}

// Read reads a recording. name is for errors.
func Read(name string, in io.Reader) (Tape, error) {
	f := &file{name: name, in: bufio.NewScanner(in)}
	f.in.Buffer(nil, lineLimit)
	if err := f.decode(&f.head); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: is empty, and no recording", name)
	} else if err != nil {
		return nil, err
	}
	switch {
	case f.head.Schema != Schema && f.head.Schema != first:
		return nil, fmt.Errorf("%s:1: schema %q is not %s: this is no recording, or one of another serin", name, f.head.Schema, Schema)
	case f.head.Start.IsZero():
		return nil, fmt.Errorf("%s:1: start: says nothing about when the release began", name)
	}
	return f, nil
}

func (f *file) Head() Head { return f.head }

// Next reads a frame with its answers.
func (f *file) Next(ctx context.Context) (Frame, error) {
	if err := ctx.Err(); err != nil {
		return Frame{}, err
	}
	one := f.ahead
	if one == nil {
		next, err := f.frame()
		if err != nil {
			return Frame{}, err
		}
		one = &next
	}
	var err error
	f.ahead, err = f.answers(one)
	return *one, err
}

// answers reads those of a frame, up to the next frame or the end.
func (f *file) answers(of *Frame) (next *Frame, err error) {
	for size := 0; ; {
		var l line
		if err := f.decode(&l); errors.Is(err, io.EOF) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		if !l.isAnswer() {
			return &l.Frame, f.check(l.Frame)
		}
		if size += len(f.in.Bytes()); size > answersLimit {
			return nil, fmt.Errorf("%s:%d: more than %d MiB of answers at one instant", f.name, f.line, answersLimit>>20)
		}
		if err := f.checkAnswer(l); err != nil {
			return nil, err
		}
		of.Answers = append(of.Answers, l.Answer)
	}
}

func (f *file) frame() (Frame, error) {
	var l line
	if err := f.decode(&l); err != nil {
		return Frame{}, err
	}
	if l.isAnswer() {
		return Frame{}, fmt.Errorf("%s:%d: metric: an answer stands behind the counters of its instant, and there are none", f.name, f.line)
	}
	return l.Frame, f.check(l.Frame)
}

func (l line) isAnswer() bool {
	return l.Analysis != "" || l.Metric != "" || l.Value != nil || l.Error != ""
}

func (f *file) check(one Frame) error {
	if !one.At.After(f.last) {
		return fmt.Errorf("%s:%d: at: %s does not come after %s", f.name, f.line, one.At.Format(time.RFC3339Nano), f.last.Format(time.RFC3339Nano))
	}
	if w := one.Weight; w != nil && !(*w >= 0 && *w <= 100) {
		return fmt.Errorf("%s:%d: weight: %g is not from 0 to 100 per cent", f.name, f.line, *w)
	}
	f.last = one.At
	return nil
}

func (f *file) checkAnswer(l line) error {
	field := ""
	switch {
	case f.head.Schema == first:
		field = "metric: recordings of this schema have no answers"
	case l.Analysis == "" || l.Metric == "":
		field = "metric: an answer says of which analysis and metric it is"
	case (l.Value == nil) == (l.Error == ""):
		field = "value: an answer is a value or an error"
	case !l.At.Equal(f.last):
		field = fmt.Sprintf("at: an answer of %s stands behind the counters of %s", l.At.Format(time.RFC3339Nano), f.last.Format(time.RFC3339Nano))
	case l.Weight != nil || l.Tracks != nil || l.Problems != nil:
		field = "metric: counters and an answer stand on lines of their own"
	default:
		return nil
	}
	return fmt.Errorf("%s:%d: %s", f.name, f.line, field)
}

func (f *file) decode(into any) error {
	if !f.in.Scan() {
		if err := f.in.Err(); err != nil {
			return fmt.Errorf("%s:%d: %w", f.name, f.line+1, err)
		}
		return io.EOF
	}
	f.line++
	in := json.NewDecoder(bytes.NewReader(f.in.Bytes()))
	in.DisallowUnknownFields()
	if err := in.Decode(into); err != nil {
		return fmt.Errorf("%s:%d: %w", f.name, f.line, err)
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s:%d: more than one value on a line", f.name, f.line)
	}
	return nil
}

// Digest tells policies apart: what a draft says, wherever it says it and whatever revision is released.
func Digest(d compile.Draft) (string, error) {
	d.Target.Revision, d.Target.Template = "", nil
	data, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("digest %s: %w", d.Name, err)
	}
	var said any
	if err := json.Unmarshal(data, &said); err != nil {
		return "", fmt.Errorf("digest %s: %w", d.Name, err)
	}
	if data, err = json.Marshal(placeless(said)); err != nil {
		return "", fmt.Errorf("digest %s: %w", d.Name, err)
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// placeless drops the places of files.
func placeless(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, place := range []string{"Origin", "origin", "Places", "RouterAt", "StickyAt", "StratAt"} {
			delete(v, place)
		}
		for key := range v {
			v[key] = placeless(v[key])
		}
	case []any:
		for i := range v {
			v[i] = placeless(v[i])
		}
	}
	return v
}
