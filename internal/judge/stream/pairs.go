package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/judge/setting"
)

// NewStandIn reads the settings of kind kayenta. Where they name the file of a canary config, the caller reads it.
func NewStandIn(file string, cfg []byte) (kayenta.StandIn, error) {
	o, err := setting.Parse(file, cfg)
	if err != nil {
		return kayenta.StandIn{}, err
	}
	return kayenta.ReadStandIn(o)
}

// ServePairs judges one canary per line, each on its own, until in ends or ctx does.
func ServePairs(ctx context.Context, in io.Reader, out io.Writer, s kayenta.StandIn) error {
	if s.File != "" && s.Config == nil {
		return fmt.Errorf("judge pairs: the canary config %s was not read", s.File)
	}
	lines, encoder := newLines(in, PairsMost), json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for ctx.Err() == nil {
		line, err := lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, new(longError)):
			err = encoder.Encode(refusal{nil, lines.complain(err)})
		case err != nil:
			return fmt.Errorf("read pairs: %w", err)
		case len(line) == 0:
			continue
		default:
			err = judgement(line, s, lines, encoder)
		}
		if err != nil {
			return fmt.Errorf("write judgement: %w", err)
		}
	}
	return ctx.Err()
}

// A Judgement is one line of output of kind kayenta.
type Judgement struct {
	ID json.RawMessage `json:"id"`
	kayenta.Result
}

type refusal struct {
	ID    json.RawMessage `json:"id"`
	Error string          `json:"error"`
}

func judgement(line []byte, s kayenta.StandIn, lines *lines, out *json.Encoder) error {
	var w struct {
		ID         json.RawMessage `json:"id"`
		Config     json.RawMessage `json:"canaryConfig"`
		Pairs      json.RawMessage `json:"metricSetPairList"`
		Thresholds json.RawMessage `json:"scoreThresholds"`
	}
	if err := json.Unmarshal(line, &w); err != nil {
		return out.Encode(refusal{w.ID, lines.complain(fmt.Errorf("read pairs: %w", err))})
	}
	result, err := judgeLine(w.Config, w.Pairs, w.Thresholds, s)
	if err != nil {
		return out.Encode(refusal{w.ID, lines.complain(err)})
	}
	return out.Encode(Judgement{w.ID, result})
}

// judgeLine judges what stands on a line; what it leaves out, the settings say.
func judgeLine(config, list, limits json.RawMessage, s kayenta.StandIn) (kayenta.Result, error) {
	var c kayenta.Config
	switch {
	case given(config):
		var err error
		if c, err = kayenta.ReadConfig(config); err != nil {
			return kayenta.Result{}, err
		}
	case s.Config != nil:
		c = *s.Config
	default:
		return kayenta.Result{}, errors.New("read pairs: canaryConfig: is missing, and the settings have no config")
	}
	if !given(list) {
		return kayenta.Result{}, errors.New("read pairs: metricSetPairList: is missing")
	}
	pairs, err := kayenta.ReadPairs(list)
	if err != nil {
		return kayenta.Result{}, err
	}
	var t kayenta.Thresholds
	switch {
	case given(limits):
		if err := json.Unmarshal(limits, &t); err != nil {
			return kayenta.Result{}, fmt.Errorf("read pairs: scoreThresholds: %w", err)
		}
	case s.Thresholds != nil:
		t = *s.Thresholds
	default:
		return kayenta.Result{}, errors.New("read pairs: scoreThresholds: is missing, and the settings have no thresholds")
	}
	return kayenta.Judge(c, pairs, t)
}

func given(value json.RawMessage) bool { return len(value) > 0 && !bytes.Equal(value, []byte("null")) }
