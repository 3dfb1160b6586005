package kayenta

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/kayenta/storage/s3"
	"serin.dev/serin/internal/metric/prometheus"
	"serin.dev/serin/internal/plan"
)

func TestReadSettings(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want Settings
		fail string
	}{
		"all of it": {text: `
metrics:
- name: prod
  address: http://prometheus:9090
  timeout: 10s
  headers: {X-Scope-OrgID: shop}
  auth: {basic: {username: kayenta, password: {file: /etc/password}}}
  locations: [eu]
stores:
- name: archive
  s3: {endpoint: "https://minio:9000", bucket: canaries, root: team, region: eu-central-1}
  supports: [OBJECT_STORE]
`, want: Settings{
			Metrics: []MetricsAccount{{
				Name: "prod", Address: "http://prometheus:9090", Timeout: plan.Duration(10 * time.Second), Locations: []string{"eu"},
				Headers: map[string]string{"X-Scope-OrgID": "shop"},
				Auth:    prometheus.Auth{Basic: &prometheus.Basic{Username: "kayenta", Password: prometheus.Secret{File: "/etc/password"}}},
			}},
			Stores: []StoreAccount{{
				Name: "archive", Supports: []Capability{ObjectStore},
				S3: &s3.Settings{Endpoint: "https://minio:9000", Bucket: "canaries", Root: "team", Region: "eu-central-1"},
			}},
		}},
		"nothing":             {text: "# none\n"},
		"an unknown field":    {text: "metrics: [{name: a, adress: b}]", fail: "adress"},
		"a password in it":    {text: "metrics: [{name: a, password: b}]", fail: "password"},
		"no YAML":             {text: "metrics: [", fail: "accounts.yaml"},
		"a field given twice": {text: "metrics: []\nmetrics: []", fail: "metrics"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "accounts.yaml")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := ReadSettings(file)
			if (err == nil) != (c.fail == "") || err != nil && !strings.Contains(err.Error(), c.fail) || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestFlags(t *testing.T) {
	for text, want := range map[string]*s3.Settings{
		"team=https://minio:9000/canaries":       {Endpoint: "https://minio:9000", Bucket: "canaries"},
		"team=http://minio/canaries/deep/folder": {Endpoint: "http://minio", Bucket: "canaries", Root: "deep/folder"},
		"https://minio:9000/canaries":            {Endpoint: "https://minio:9000", Bucket: "canaries"},
		"team=https://key:hush@minio/canaries":   nil,
		"team=minio/canaries":                    nil,
		"team=https://minio":                     nil,
		"=https://minio/b":                       nil,
	} {
		got, err := ParseS3(text)
		if (err == nil) != (want != nil) || want != nil && *got.S3 != *want || err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: got %+v, %v", text, got.S3, err)
		}
	}
	if a, err := ParsePrometheus("prod=http://prometheus:9090/path?a=b"); err != nil || a.Name != "prod" || a.Address != "http://prometheus:9090/path?a=b" {
		t.Errorf("got %+v, %v", a, err)
	}
	for _, text := range []string{"", "prod", "=http://a", "prod="} {
		if _, err := ParsePrometheus(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// Accounts that could not work are refused at the start, by name.
func TestAccountsThatCannotWork(t *testing.T) {
	prom := MetricsAccount{Name: "prod", Address: "http://localhost"}
	for want, s := range map[string]Settings{
		"account prod: there are two":         {Metrics: []MetricsAccount{prom, prom}},
		`account "a b": want a name`:          {Metrics: []MetricsAccount{{Name: "a b", Address: "http://localhost"}}},
		"account prod: address: want http://": {Metrics: []MetricsAccount{{Name: "prod", Address: "localhost:9090"}}},
		"account embedded: there are two":     {Metrics: []MetricsAccount{{Name: "embedded", Address: "http://localhost"}}},
		`supports: "METRICS_STORE" is none`:   {Stores: []StoreAccount{{Name: "a", Supports: []Capability{MetricsStore}}}},
		"account a: bucket: is missing":       {Stores: []StoreAccount{{Name: "a", S3: &s3.Settings{Endpoint: "http://localhost"}}}},
	} {
		o := Options{Dir: t.TempDir(), Settings: s, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
		service, err := Open(context.Background(), o)
		if err == nil {
			service.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// One process at a time has the directory.
func TestOneProcessAtATime(t *testing.T) {
	b := newBench(t, nil)
	if s, err := Open(context.Background(), b.options); err == nil {
		s.Close()
		t.Error("a second one was opened")
	} else if !strings.Contains(err.Error(), "in use by another serin") {
		t.Error(err)
	}
}
