package proxy

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"serin.dev/serin/internal/loadtest"
	"serin.dev/serin/internal/plan"
)

// load sends requests until stop is called, which returns what came of them. flow waits for some more answers.
func (s *stage) load(o loadtest.Options) (flow func(), stop func() loadtest.Report) {
	s.t.Helper()
	o.URL, o.Rate, o.Workers = s.url(), 2000, 32
	test, err := loadtest.New(o)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan loadtest.Report)
	go func() { done <- test.Run(ctx) }()
	flow = func() {
		s.t.Helper()
		enough := test.Snapshot().Total.Requests + 20
		s.await("requests flow", func() bool { return test.Snapshot().Total.Requests > enough })
	}
	flow()
	return flow, func() loadtest.Report { cancel(); return <-done }
}

// Releases come and go under load: every instance is replaced again and again, and stopped the moment it is drained.
// Requests are POSTs, which nobody on the way repeats.
func TestNothingIsLostByReleases(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2=%v", http2), func(t *testing.T) {
			s := newStage(t, "")
			backends := map[string]*httptest.Server{}
			start := func(track plan.TrackName, n int) {
				name := fmt.Sprintf("v%d", n)
				backends[name] = s.serve(track, name, func(w http.ResponseWriter, r *http.Request) {
					io.Copy(io.Discard, r.Body)
					w.Header().Set("X-Version", name)
				})
			}
			start(plan.Stable, 0)
			s.apply()
			flow, stop := s.load(loadtest.Options{Body: []byte("buy"), HTTP2: http2, Group: loadtest.ByHeader("X-Version")})
			tg := s.proxy.target(shop)
			for release := 1; release <= 8; release++ {
				start(plan.Canary, release)
				for _, share := range []plan.Share{10, 250, 500, plan.Whole} {
					s.split(share)
					flow()
				}
				left := s.order.Endpoints[plan.Stable][0].Instance
				s.order.Endpoints = map[plan.TrackName][]plan.Endpoint{plan.Stable: s.order.Endpoints[plan.Canary]}
				s.order.Traffic.Shares = plan.Shares{plan.Stable: plan.Whole}
				s.apply()
				s.await("the old version is drained", func() bool { _, busy := tg.observe().Busy[left]; return !busy })
				backends[left].Close()
			}
			report := stop()
			if report.Total.Failures() != 0 || len(report.Groups) != 9 {
				t.Errorf("%s, faults %v", report, report.Faults)
			}
		})
	}
}

// The only instance dies and comes back elsewhere: requests wait, none is lost that was not under way on it.
func TestNothingIsLostByARestart(t *testing.T) {
	s := newStage(t, "")
	s.serve(plan.Stable, "v1.0", says("ok"))
	s.apply()
	_, stop := s.load(loadtest.Options{})
	s.order.Endpoints[plan.Stable] = nil
	s.apply()
	s.await("requests wait", func() bool { return s.proxy.Aside(shop).Waiting > 5 })
	s.serve(plan.Stable, "v1.1", says("ok"))
	s.apply()
	if report := stop(); report.Total.Failures() != 0 {
		t.Errorf("%s, faults %v", report, report.Faults)
	}
}

// Whoever was let in gets an answer, also in the instant the address closes. (Connections that the kernel completed and
// nobody accepted yet are reset by the kernel.)
func TestNothingIsLostByAMove(t *testing.T) {
	s := newStage(t, "")
	s.serve(plan.Stable, "v1", says("ok"))
	s.order.With = fmt.Appendf(nil, `{"listen": %q}`, nobody(t))
	s.apply()
	for range 10 {
		url := s.url()
		var served atomic.Int64
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(func() {
				for {
					client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
					resp, err := client.Post(url, "text/plain", nil)
					if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) {
						return
					}
					if err != nil {
						t.Errorf("after %d answers: %v", served.Load(), err)
						return
					}
					resp.Body.Close()
					served.Add(1)
				}
			})
		}
		s.await("requests flow", func() bool { return served.Load() > 20 })
		s.order.With = fmt.Appendf(nil, `{"listen": %q}`, nobody(t))
		s.apply()
		clients.Wait()
	}
}

// certificate writes a self-signed certificate for 127.0.0.1 and returns its files and who trusts it.
func certificate(t *testing.T) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	return cert, key, roots
}

func TestTLS(t *testing.T) {
	cert, key, roots := certificate(t)
	s := newStage(t, fmt.Sprintf(`{"tls": {"cert": %q, "key": %q}}`, cert, key))
	s.serve(plan.Stable, "v1", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header.Get("X-Forwarded-Proto")) })
	s.serve(plan.Canary, "v2", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header.Get("X-Forwarded-Proto")) })
	s.order.Traffic.Sticky = &plan.Sticky{Cookie: "serin"}
	s.split(500)
	for _, http2 := range []bool{false, true} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: http2}
		resp, err := (&http.Client{Transport: transport}).Get("https://" + s.proxy.Addr(shop).String())
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		transport.CloseIdleConnections()
		if (resp.ProtoMajor == 2) != http2 || string(body) != "https" {
			t.Errorf("got %s, the backend was told of %q", resp.Proto, body)
		}
		if set := resp.Cookies(); len(set) != 1 || !set[0].Secure {
			t.Errorf("over TLS the cookie is %v", set)
		}
	}
	s.order.With = fmt.Appendf(nil, `{"listen": "127.0.0.1:0", "tls": {"cert": %q, "key": %q}}`, key, cert)
	if err := s.proxy.Apply(t.Context(), shop, s.order); err == nil {
		t.Error("a key in the place of the certificate was taken")
	}
}

// What the load tester takes for the proxy's mark is the proxy's mark.
func TestLoadTesterKnowsTheMark(t *testing.T) {
	if loadtest.ErrorHeader != ErrorHeader {
		t.Errorf("the load tester looks for %s, the proxy sets %s", loadtest.ErrorHeader, ErrorHeader)
	}
}

func TestUpstreamPathsAndHosts(t *testing.T) {
	for _, length := range []int{0, smallBody + 1} { // both carriers
		s := newStage(t, `{"rewriteHost": true}`)
		backend := s.serve(plan.Stable, "v1", func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, r.Host, " ", r.URL.RequestURI())
		})
		s.order.Endpoints[plan.Stable][0].URL += "/base/"
		s.apply()
		for path, want := range map[string]string{
			"/": "/base/", "/a%2Fb?x=%20&y;z": "/base/a%2Fb?x=%20&y;z", "//a/../b": "/base//a/../b", "/?": "/base/?",
		} {
			r, _ := http.NewRequest(http.MethodPost, s.url()+path, io.LimitReader(rand.Reader, int64(length)))
			if got := s.do(r); got.body != backend.Listener.Addr().String()+" "+want {
				t.Errorf("%s arrives as %q, want %s", path, got.body, want)
			}
		}
	}
}
