package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"time"
)

// Browsers keep their cookies, each its own, and remember which version answered last.
type browsers struct {
	s   *stage
	all []*browser
}

type browser struct {
	client http.Client
	was    string
}

// browsers come for the first time.
func (s *stage) browsers(n int) *browsers {
	s.Helper()
	b := &browsers{s: s}
	for range n {
		jar, err := cookiejar.New(nil)
		if err != nil {
			s.Fatal(err)
		}
		b.all = append(b.all, &browser{client: http.Client{Jar: jar, Timeout: 10 * time.Second}})
	}
	b.visit()
	return b
}

// visit lets each make one request, which must be answered by a version.
func (b *browsers) visit() {
	b.s.Helper()
	for i, one := range b.all {
		req, err := http.NewRequestWithContext(b.s.Context(), http.MethodGet, gateway+"/api/info", nil)
		if err != nil {
			b.s.Fatal(err)
		}
		req.Host = b.s.ns + ".example.com"
		resp, err := one.client.Do(req)
		if err != nil {
			b.s.Fatalf("browser %d: %v", i, err)
		}
		var info struct{ Message string }
		err = json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&info)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || info.Message == "" {
			b.s.Fatalf("browser %d is answered %s: %v", i, resp.Status, err)
		}
		one.was = info.Message
	}
}

// near expects about a share of the browsers on a version, give or take 20 %: that is four standard deviations or more.
func (b *browsers) near(percent int, version string) {
	b.s.Helper()
	n := 0
	for _, one := range b.all {
		if one.was == version {
			n++
		}
	}
	b.s.Logf("%d of %d browsers are on %s", n, len(b.all), version)
	if off := n*100/len(b.all) - percent; off < -20 || off > 20 {
		b.s.Errorf("%d of %d browsers are on %s, want about %d %%", n, len(b.all), version, percent)
	}
}

// stay expects every browser to get what it got before, some times over.
func (b *browsers) stay(times int) {
	b.s.Helper()
	for range times {
		was := make([]string, len(b.all))
		for i, one := range b.all {
			was[i] = one.was
		}
		b.visit()
		for i, one := range b.all {
			if one.was != was[i] {
				b.s.Errorf("browser %d was on %s and is on %s", i, was[i], one.was)
			}
		}
	}
}

// allOn expects every browser on one version.
func (b *browsers) allOn(version string) {
	b.s.Helper()
	b.visit()
	for i, one := range b.all {
		if one.was != version {
			b.s.Errorf("browser %d is on %s, want %s", i, one.was, version)
		}
	}
}
