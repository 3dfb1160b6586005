package kayenta

import (
	"encoding/json"
	"strings"

	"serin.dev/serin/internal/judge/setting"
)

// Settings are the `judge:` block of kind kayenta. Times are seconds.
type Settings struct {
	Config     Config
	Thresholds Thresholds
	Interval   float64 // between judgements
	Lifetime   float64 // of the analysis; what is left after the last whole interval is not judged
	Lookback   float64 // 0: each judgement sees all since the analysis began
	Step       float64 // between two points of a series
	Scopes     Scopes
}

// Decode reads the block from the JSON a plan carries.
func Decode(block json.RawMessage) (Settings, error) {
	o, err := setting.Parse("judge", block)
	if err != nil {
		return Settings{}, err
	}
	return Read(o)
}

// Read reads the block, strictly; the `kind` field, which chose this judge, is passed over.
func Read(o *setting.Object) (Settings, error) {
	s := Settings{Interval: 300, Lifetime: 3600, Step: 10, Scopes: usualScopes}
	o.Has("kind")
	s.Thresholds = readThresholds(o)
	o.Duration("interval", &s.Interval)
	o.Duration("lifetime", &s.Lifetime)
	if !isNone(o, "lookback") {
		o.Duration("lookback", &s.Lookback)
	}
	o.Duration("step", &s.Step)
	scopes := o.Object("scopes")
	scopes.Text("control", &s.Scopes.Control)
	scopes.Text("experiment", &s.Scopes.Experiment)
	scopes.Text("location", &s.Scopes.Location)
	scopes.Done()
	s.Interval = min(s.Interval, s.Lifetime)
	if s.Step > s.Interval {
		o.Refuse("step", "is longer than the interval between judgements")
	}
	if s.Lifetime/s.Interval > RunsMost {
		o.Refuse("interval", "makes more than %d judgements in the lifetime", RunsMost)
	}
	switch config := o.JSON("config"); {
	case config == nil:
		o.Refuse("config", "is missing: a canary config")
	default:
		var err error
		if s.Config, err = ReadConfig(config); err == nil {
			_, err = check(s.Config, s.Thresholds)
		}
		if err != nil {
			o.Refuse("config", "%v", err)
		} else if len(s.Config.Metrics) == 0 {
			o.Refuse("config", "has no metrics")
		}
	}
	if err := o.Done(); err != nil {
		return Settings{}, err
	}
	return s, nil
}

// readThresholds reads the thresholds, which are Kayenta's usual ones where they are not given.
func readThresholds(o *setting.Object) Thresholds {
	t := Thresholds{Pass: 95, Marginal: 75}
	block := o.Object("thresholds")
	block.Number("pass", &t.Pass)
	block.Number("marginal", &t.Marginal)
	if t.Marginal > t.Pass {
		o.Refuse("thresholds", "marginal %g is above pass %g", t.Marginal, t.Pass)
	}
	block.Done()
	return t
}

// isNone says whether a time is written 0, which is none.
func isNone(o *setting.Object, field string) bool {
	text := ""
	if data := o.JSON(field); data != nil {
		text = strings.Trim(string(data), `"`)
	}
	return text == "0" || text == "0s"
}

// A StandIn is what a line of `serin judge` need not say: the settings of the same block, all of it optional.
type StandIn struct {
	File       string      // of the canary config
	Config     *Config     // the canary config itself
	Thresholds *Thresholds // nil: every line brings its own
}

// ReadStandIn reads the block for judging line by line. The config may be a file's name.
func ReadStandIn(o *setting.Object) (StandIn, error) {
	var s StandIn
	for _, field := range []string{"kind", "interval", "lifetime", "lookback", "step", "scopes"} {
		o.Has(field) // times are for an analysis; a line is judged on its own
	}
	if o.Has("thresholds") {
		t := readThresholds(o)
		s.Thresholds = &t
	}
	switch config := o.JSON("config"); {
	case config == nil:
	case config[0] == '"':
		if err := json.Unmarshal(config, &s.File); err != nil || s.File == "" {
			o.Refuse("config", "is not the name of a file")
		}
	default:
		c, err := ReadConfig(config)
		if err != nil {
			o.Refuse("config", "%v", err)
		}
		s.Config = &c
	}
	if err := o.Done(); err != nil {
		return StandIn{}, err
	}
	return s, nil
}
