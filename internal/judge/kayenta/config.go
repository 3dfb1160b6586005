package kayenta

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
)

// ConfigMost is the largest canary config that is read, in bytes.
const ConfigMost = 10 << 20

// A Config is a canary config: which metrics are compared, how, and what each is worth. Fields that this package does not
// know are kept, and written back, here and in every object below.
type Config struct {
	ID                  string            `json:"id,omitempty"`
	Name                string            `json:"name,omitempty"`
	Description         string            `json:"description,omitempty"`
	ConfigVersion       string            `json:"configVersion,omitempty"`
	Applications        []string          `json:"applications,omitempty"`
	CreatedTimestamp    *int64            `json:"createdTimestamp,omitempty"` // milliseconds
	UpdatedTimestamp    *int64            `json:"updatedTimestamp,omitempty"`
	CreatedTimestampISO string            `json:"createdTimestampIso,omitempty"`
	UpdatedTimestampISO string            `json:"updatedTimestampIso,omitempty"`
	Judge               *Choice           `json:"judge,omitempty"`
	Metrics             []Metric          `json:"metrics"`
	Templates           map[string]string `json:"templates,omitempty"` // texts of query filters, by name
	Classifier          *Classifier       `json:"classifier,omitempty"`

	rest rest
}

// A Choice names the judge. Its settings are kept and, as in Kayenta, passed over.
type Choice struct {
	Name           string          `json:"name,omitempty"`
	Configurations json.RawMessage `json:"judgeConfigurations,omitempty"`

	rest rest
}

// A Metric is one thing that is compared.
type Metric struct {
	Name                   string                     `json:"name"`
	Query                  json.RawMessage            `json:"query,omitempty"` // its field "type" names the metric store
	Groups                 []string                   `json:"groups"`
	AnalysisConfigurations map[string]json.RawMessage `json:"analysisConfigurations,omitempty"` // "canary" is read, by Options
	ScopeName              string                     `json:"scopeName,omitempty"`

	rest rest
}

// A Classifier says what groups are worth.
type Classifier struct {
	GroupWeights map[string]Number `json:"groupWeights,omitempty"` // per cent; groups without one share what is left
	// ScoreThresholds are what forms offer first. They judge nothing: thresholds come with each request.
	ScoreThresholds *Thresholds `json:"scoreThresholds,omitempty"`

	rest rest
}

// ReadConfig reads a canary config as it is. A mistake is an error that names the field. What is optional to the judge may be
// missing; Validate asks for what a store of configs asks for.
func ReadConfig(data []byte) (Config, error) {
	if len(data) > ConfigMost {
		return Config{}, fmt.Errorf("read canary config: %d bytes, the most is %d", len(data), ConfigMost)
	}
	if text := bytes.TrimSpace(data); len(text) == 0 || text[0] != '{' {
		return Config{}, errors.New("read canary config: it is not a JSON object")
	}
	var c Config
	if err := json.Unmarshal(data, &c); err != nil {
		return Config{}, fmt.Errorf("read canary config: %w", err)
	}
	for i, m := range c.Metrics {
		if _, err := m.Options(); err != nil {
			return Config{}, fmt.Errorf("read canary config: metrics[%d].%w", i, err)
		}
	}
	return c, nil
}

// names are what a config may be called; the comma is Kayenta's.
var names = regexp.MustCompile(`^[A-Z,a-z0-9\-_]*$`)

// Validate checks what Kayenta checks when a config is saved.
func (c Config) Validate() error {
	switch {
	case c.Name == "":
		return errors.New("name: is missing")
	case !names.MatchString(c.Name):
		return fmt.Errorf("name: %q holds other characters than A-Z, a-z, 0-9, - and _", c.Name)
	case len(c.Applications) == 0:
		return errors.New("applications: is missing: at least one")
	}
	seen := map[string]int{}
	for i, m := range c.Metrics {
		if first, twice := seen[m.Name]; twice {
			return fmt.Errorf("metrics[%d].name: %q is the name of metrics[%d] already", i, m.Name, first)
		}
		seen[m.Name] = i
	}
	return nil
}

// UnmarshalJSON reads a config and keeps what it does not know.
func (c *Config) UnmarshalJSON(data []byte) error {
	type plain Config
	return c.rest.read(data, (*plain)(c))
}

// MarshalJSON writes a config with what it did not know.
func (c Config) MarshalJSON() ([]byte, error) {
	type plain Config
	if c.Metrics == nil {
		c.Metrics = []Metric{}
	}
	return c.rest.write(plain(c))
}

// UnmarshalJSON reads a choice and keeps what it does not know.
func (c *Choice) UnmarshalJSON(data []byte) error {
	type plain Choice
	return c.rest.read(data, (*plain)(c))
}

// MarshalJSON writes a choice with what it did not know.
func (c Choice) MarshalJSON() ([]byte, error) {
	type plain Choice
	return c.rest.write(plain(c))
}

// UnmarshalJSON reads a metric and keeps what it does not know.
func (m *Metric) UnmarshalJSON(data []byte) error {
	type plain Metric
	return m.rest.read(data, (*plain)(m))
}

// MarshalJSON writes a metric with what it did not know.
func (m Metric) MarshalJSON() ([]byte, error) {
	type plain Metric
	if m.Groups == nil {
		m.Groups = []string{}
	}
	return m.rest.write(plain(m))
}

// UnmarshalJSON reads a classifier and keeps what it does not know.
func (c *Classifier) UnmarshalJSON(data []byte) error {
	type plain Classifier
	return c.rest.read(data, (*plain)(c))
}

// MarshalJSON writes a classifier with what it did not know.
func (c Classifier) MarshalJSON() ([]byte, error) {
	type plain Classifier
	return c.rest.write(plain(c))
}
