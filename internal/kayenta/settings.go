package kayenta

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"serin.dev/serin/internal/kayenta/storage/s3"
	"serin.dev/serin/internal/metric/prometheus"
	"serin.dev/serin/internal/plan"
)

// Settings are the accounts that clients may name. No credential stands in them.
type Settings struct {
	Metrics []MetricsAccount `json:"metrics"`
	Stores  []StoreAccount   `json:"stores"` // where there is none of a capability, the embedded store has it
}

// A MetricsAccount is one Prometheus, or what speaks its API.
type MetricsAccount struct {
	Name                 string            `json:"name"`
	Address              string            `json:"address"`
	Timeout              plan.Duration     `json:"timeout"` // of one query, 30s
	Headers              map[string]string `json:"headers"`
	Auth                 prometheus.Auth   `json:"auth"`
	ScopeLabel           string            `json:"scopeLabel"` // of resourceType gce_instance: "instance"
	Locations            []string          `json:"locations"`  // what forms offer
	RecommendedLocations []string          `json:"recommendedLocations"`
}

// A StoreAccount is one place for configs and results.
type StoreAccount struct {
	Name     string       `json:"name"`
	S3       *s3.Settings `json:"s3"` // without: the embedded store
	Supports []Capability `json:"supports"`
}

// A Capability is what an account can do, in Kayenta's words.
type Capability string

// The capabilities.
const (
	MetricsStore       Capability = "METRICS_STORE"
	ObjectStore        Capability = "OBJECT_STORE"
	ConfigurationStore Capability = "CONFIGURATION_STORE"
)

// Embedded is what the embedded store is called where no account calls it otherwise.
const Embedded = "embedded"

const settingsMost = 1 << 20

// ReadSettings reads a file of accounts.
func ReadSettings(file string) (Settings, error) {
	info, err := os.Stat(file)
	if err != nil {
		return Settings{}, err
	}
	if info.Size() > settingsMost {
		return Settings{}, fmt.Errorf("%s: is longer than %d bytes", file, settingsMost)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return Settings{}, err
	}
	var s Settings
	data, err := yaml.YAMLToJSONStrict(text)
	if err == nil && !bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		err = plan.Decode(data, &s)
	}
	if err != nil {
		return Settings{}, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}

// ParsePrometheus reads NAME=URL.
func ParsePrometheus(text string) (MetricsAccount, error) {
	name, address, ok := strings.Cut(text, "=")
	if !ok || name == "" || address == "" {
		return MetricsAccount{}, fmt.Errorf("%q: want NAME=URL, as in prod=http://prometheus:9090", text)
	}
	return MetricsAccount{Name: name, Address: address}, nil
}

// ParseS3 reads [NAME=]ENDPOINT/BUCKET[/ROOT]; without a name it is "s3".
func ParseS3(text string) (StoreAccount, error) {
	name, rest, ok := strings.Cut(text, "=")
	if !ok {
		name, rest = "s3", text
	}
	scheme, path, full := strings.Cut(rest, "://")
	host, path, _ := strings.Cut(path, "/")
	bucket, root, _ := strings.Cut(path, "/")
	if name == "" || !full || host == "" || bucket == "" || strings.Contains(host, "@") {
		return StoreAccount{}, errors.New("want NAME=ENDPOINT/BUCKET[/ROOT], as in team=https://minio.example.com:9000/canaries/kayenta; " +
			"credentials come from the environment or from a file")
	}
	return StoreAccount{Name: name, S3: &s3.Settings{Endpoint: scheme + "://" + host, Bucket: bucket, Root: root}}, nil
}

var accountName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$`)

// complete checks the accounts and adds the embedded store where one is missing.
func (s Settings) complete() (Settings, error) {
	names := map[string]bool{}
	named := func(name string) error {
		switch {
		case !accountName.MatchString(name):
			return fmt.Errorf("account %q: want a name of letters, digits, _ . and -", name)
		case names[name]:
			return fmt.Errorf("account %s: there are two of this name", name)
		}
		names[name] = true
		return nil
	}
	for _, m := range s.Metrics {
		if err := named(m.Name); err != nil {
			return s, err
		}
	}
	both := []Capability{ObjectStore, ConfigurationStore}
	s.Stores = slices.Clone(s.Stores)
	missing := slices.Clone(both)
	for i := range s.Stores {
		a := &s.Stores[i]
		if err := named(a.Name); err != nil {
			return s, err
		}
		if len(a.Supports) == 0 {
			a.Supports = both
		}
		for _, c := range a.Supports {
			if !slices.Contains(both, c) {
				return s, fmt.Errorf("account %s: supports: %q is none of %v", a.Name, c, both)
			}
			missing = slices.DeleteFunc(missing, func(m Capability) bool { return m == c })
		}
	}
	if len(missing) > 0 {
		if err := named(Embedded); err != nil {
			return s, err
		}
		s.Stores = append(s.Stores, StoreAccount{Name: Embedded, Supports: missing})
	}
	return s, nil
}
