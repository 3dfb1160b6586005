package s3

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"serin.dev/serin/internal/kayenta/storage"
	"serin.dev/serin/internal/kayenta/storage/conformance"
)

const (
	access = "KAYENTATEST"
	secret = "a-secret-that-nobody-may-read"
)

// A server is one that speaks S3, at an address.
func server(t *testing.T) (endpoint string, refused *atomic.Int64) {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("releases"); err != nil {
		t.Fatal(err)
	}
	d := &door{next: gofakes3.New(backend).Server()}
	s := httptest.NewServer(d)
	t.Cleanup(s.Close)
	return s.URL, &d.refused
}

func credential(t *testing.T) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", access)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	t.Setenv("AWS_REGION", "us-east-1")
}

func open(t *testing.T, s Settings) *Store {
	t.Helper()
	b, err := Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestConformance(t *testing.T) {
	credential(t)
	conformance.Run(t, func(t *testing.T) storage.Store {
		endpoint, refused := server(t)
		t.Cleanup(func() {
			if n := refused.Load(); n > 0 {
				t.Errorf("%d signatures were refused", n)
			}
		})
		return open(t, Settings{Endpoint: endpoint, Bucket: "releases"})
	})
}

// TestServer runs the suite against a server of its own, a process with a file system below it.
func TestServer(t *testing.T) {
	program := os.Getenv("SERIN_S3_SERVER")
	if program == "" {
		t.Skip("NOT RUN: this test needs an S3 server; SERIN_S3_SERVER names the program versitygw, and `make test` builds it")
	}
	credential(t)
	conformance.Run(t, func(t *testing.T) storage.Store {
		address := ""
		for address == "" {
			address = gateway(t, program)
		}
		return open(t, Settings{Endpoint: "http://" + address, Bucket: "releases"})
	})
}

// Objects lie where Kayenta looks for them.
func TestPathsAreKayentas(t *testing.T) {
	credential(t)
	endpoint, _ := server(t)
	for root, folder := range map[string]string{"": "kayenta/", "team/canaries/": "team/canaries/"} {
		s := open(t, Settings{Endpoint: endpoint, Bucket: "releases", Root: root})
		for kind, file := range map[storage.Kind]string{
			storage.Configs: "shop.json", storage.MetricSets: "metric_sets.json", storage.MetricSetPairs: "metric_set_pairs.json",
		} {
			if err := s.Put(t.Context(), kind, "1-2", file, []byte("{}")); err != nil {
				t.Fatal(err)
			}
			if _, err := s.client.StatObject(t.Context(), "releases", folder+string(kind)+"/1-2/"+file, minio.StatObjectOptions{}); err != nil {
				t.Errorf("%s %s: %v", kind, file, err)
			}
		}
		s.Close()
	}
}

// What others keep in the bucket is not ours, and does not end up in listings.
func TestForeignKeysAreLeftAlone(t *testing.T) {
	credential(t)
	endpoint, _ := server(t)
	s := open(t, Settings{Endpoint: endpoint, Bucket: "releases"})
	defer s.Close()
	for _, key := range []string{"kayenta/canary_config/readme.txt", "kayenta/canary_config/a/b/c.json", "kayenta2/canary_config/a/a.json"} {
		if err := s.put(t.Context(), key, key, []byte("x"), options()); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := s.List(t.Context(), storage.Configs); err != nil || len(all) > 0 {
		t.Errorf("listed %v, %v", all, err)
	}
}

// Wrong credentials are an error at the start, and no error holds a secret.
func TestRefusals(t *testing.T) {
	credential(t)
	endpoint, _ := server(t)
	for name, c := range map[string]struct {
		settings Settings
		secret   string
		want     string
	}{
		"no such bucket":          {Settings{Endpoint: endpoint, Bucket: "nowhere"}, secret, "not found"},
		"wrong secret":            {Settings{Endpoint: endpoint, Bucket: "releases"}, "wrong-and-secret", "look for bucket releases"},
		"password in the address": {Settings{Endpoint: "http://me:hush@minio", Bucket: "releases"}, secret, "holds a password"},
		"no scheme":               {Settings{Endpoint: "minio:9000", Bucket: "releases"}, secret, "want https://"},
		"no bucket":               {Settings{Endpoint: endpoint}, secret, "bucket: is missing"},
		"a way out of the root":   {Settings{Endpoint: endpoint, Bucket: "releases", Root: "a/../.."}, secret, "is no folder"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_SECRET_ACCESS_KEY", c.secret)
			s, err := Open(t.Context(), c.settings)
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			if text := err.Error(); !strings.Contains(text, c.want) || strings.Contains(text, "secret") || strings.Contains(text, "hush") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Credentials may stand in AWS's file as well.
func TestCredentialsFromFile(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "MINIO_ROOT_USER", "MINIO_ACCESS_KEY"} {
		t.Setenv(name, "")
	}
	file := filepath.Join(t.TempDir(), "credentials")
	text := "[canaries]\naws_access_key_id = " + access + "\naws_secret_access_key = " + secret + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	endpoint, _ := server(t)
	s := open(t, Settings{Endpoint: endpoint, Bucket: "releases", File: file, Profile: "canaries", Region: "us-east-1"})
	defer s.Close()
	if err := s.Put(t.Context(), storage.Configs, "a", "a.json", []byte("1")); err != nil {
		t.Error(err)
	}
}

// A server that knows no conditions is asked without one.
func TestServerWithoutConditions(t *testing.T) {
	credential(t)
	backend := s3mem.New()
	if err := backend.CreateBucket("releases"); err != nil {
		t.Fatal(err)
	}
	next := gofakes3.New(backend).Server()
	var refused atomic.Int64
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != "" {
			refused.Add(1)
			w.WriteHeader(http.StatusNotImplemented)
			io.WriteString(w, "<Error><Code>NotImplemented</Code><Message>A header implies functionality that is not implemented</Message></Error>")
			return
		}
		next.ServeHTTP(w, r)
	}))
	defer old.Close()
	s := open(t, Settings{Endpoint: old.URL, Bucket: "releases"})
	defer s.Close()
	if err := s.Create(t.Context(), storage.Configs, "a", "a.json", []byte("1")); err != nil || refused.Load() == 0 {
		t.Errorf("created after %d refusals: %v", refused.Load(), err)
	}
	if err := s.Create(t.Context(), storage.Configs, "a", "a.json", []byte("2")); !errors.Is(err, storage.ErrExists) {
		t.Errorf("created again: %v", err)
	}
}

// An object that goes between the listing and the reading is not found.
func TestGoneMeanwhile(t *testing.T) {
	credential(t)
	endpoint, _ := server(t)
	s := open(t, Settings{Endpoint: endpoint, Bucket: "releases"})
	defer s.Close()
	if _, err := s.read(t.Context(), "kayenta/canary_config/a/a.json"); !errors.Is(translate(err), storage.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// A server that does not answer ends a request when its caller's patience does.
func TestSilentServer(t *testing.T) {
	credential(t)
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer s.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, Settings{Endpoint: s.URL, Bucket: "releases"}); err == nil || ctx.Err() == nil {
		t.Errorf("got %v", err)
	}
}

// gateway starts versitygw with an empty bucket, and returns its address once it answers. It returns none if the program has ended:
// somebody else has taken the port meanwhile.
func gateway(t *testing.T, program string) (address string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "data", "releases"), 0o700); err != nil {
		t.Fatal(err)
	}
	address = free(t)
	var said strings.Builder
	cmd := exec.Command(program, "--port", address, "--access", access, "--secret", secret, "posix", filepath.Join(dir, "data"))
	cmd.Stdout, cmd.Stderr, cmd.Dir = &said, &said, dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // its words say why
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		<-ended
		if t.Failed() {
			t.Log(said.String())
		}
	})
	if serves(t, address, ended) {
		return address
	}
	if !strings.Contains(said.String(), "address already in use") {
		t.Fatal("versitygw has ended")
	}
	return ""
}

// serves waits until the server answers one signed request; false: it has ended.
func serves(t *testing.T, address string, ended <-chan struct{}) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	client, err := minio.New(address, &minio.Options{Creds: credentials.NewStaticV4(access, secret, ""), Region: "us-east-1", MaxRetries: 1})
	if err != nil {
		t.Fatal(err)
	}
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		there, err := client.BucketExists(ctx, "releases")
		if err == nil && there {
			return true
		}
		select {
		case <-look.C:
		case <-ended:
			return false
		case <-ctx.Done():
			t.Fatalf("the server does not serve: %v", err)
		}
	}
}
