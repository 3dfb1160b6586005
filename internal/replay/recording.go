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
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
)

// Schema names the format of a recording: JSON lines, a Head and then Frames. Fields are only added; a change of meaning is
// another schema.
const Schema = "https://serin.dev/schema/recording/1"

const lineLimit = 16 << 20 // bytes of one line

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

// Write writes one frame. A second one of the same instant is left out: it is the same counters, read for another analysis.
func (w *Writer) Write(f Frame) error {
	if !f.At.After(w.last) {
		return nil
	}
	w.last = f.At
	if err := w.out.Encode(f); err != nil {
		return fmt.Errorf("write the recording: %w", err)
	}
	return nil
}

// A file is a recording that is read line by line.
type file struct {
	name string
	head Head
	in   *bufio.Scanner
	line int
	last time.Time
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
	case f.head.Schema != Schema:
		return nil, fmt.Errorf("%s:1: schema %q is not %s: this is no recording, or one of another serin", name, f.head.Schema, Schema)
	case f.head.Start.IsZero():
		return nil, fmt.Errorf("%s:1: start: says nothing about when the release began", name)
	}
	return f, nil
}

func (f *file) Head() Head { return f.head }

// Next reads a frame.
func (f *file) Next(ctx context.Context) (Frame, error) {
	var one Frame
	if err := ctx.Err(); err != nil {
		return one, err
	}
	if err := f.decode(&one); err != nil {
		return one, err
	}
	if !one.At.After(f.last) {
		return one, fmt.Errorf("%s:%d: at: %s does not come after %s", f.name, f.line, one.At.Format(time.RFC3339Nano), f.last.Format(time.RFC3339Nano))
	}
	if w := one.Weight; w != nil && !(*w >= 0 && *w <= 100) {
		return one, fmt.Errorf("%s:%d: weight: %g is not from 0 to 100 per cent", f.name, f.line, *w)
	}
	f.last = one.At
	return one, nil
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
