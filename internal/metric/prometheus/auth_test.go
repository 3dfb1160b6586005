package prometheus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
)

// A guarded server wants TLS, and something in the header Authorization.
func guarded(t *testing.T, wants *atomic.Value) (*server, string) {
	s := unstarted(t)
	inner := s.Server.Config.Handler
	s.Server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if want := wants.Load().(string); r.Header.Get("Authorization") != want {
			http.Error(w, "who are you", http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	})
	s.StartTLS()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	s.requests(5, "c", "x", "200")
	return s, string(ca)
}

// secrets are those of one namespace.
func secrets(all map[string]string) func(context.Context, string, string, string) (string, error) {
	return func(_ context.Context, namespace, name, key string) (string, error) {
		value, ok := all[namespace+"/"+name+"/"+key]
		if !ok {
			return "", errors.New("not found")
		}
		return value, nil
	}
}

func TestCredentials(t *testing.T) {
	wants := &atomic.Value{}
	token := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, password, _ := r.BasicAuth(); name != "serin" || password != "client-secret" || r.FormValue("scope") != "metrics" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"from-oauth","token_type":"Bearer","expires_in":3600}`)
	}))
	defer token.Close()
	cases := map[string]struct{ want, auth string }{
		"basic":  {"Basic bWU6cGFzc3dvcmQ=", `"basic":{"username":"me","password":{"secretRef":{"name":"prom","key":"password"}}}`},
		"bearer": {"Bearer token", `"bearer":{"secretRef":{"name":"prom","key":"token"}}`},
		"oauth2": {"Bearer from-oauth", `"oauth2":{"clientID":"serin","clientSecret":{"secretRef":{"name":"prom","key":"client"}},"tokenURL":"` +
			token.URL + `","scopes":["metrics"]}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			wants.Store(c.want)
			s, ca := guarded(t, wants)
			clock := &clock{time.Now()}
			store := openStore(t, clock)
			all := map[string]string{"shop/prom/password": "password\n", "shop/prom/token": "token", "shop/prom/client": "client-secret", "shop/prom/ca": ca}
			store.desk.connections.read = secrets(all)
			trust := `,"tls":{"ca":{"secretRef":{"name":"prom","key":"ca"}}}`
			got, err := store.Read(t.Context(), shop(fmt.Sprintf(`{"address":%q,"auth":{%s%s}}`, s.URL, c.auth, trust)))
			if err != nil || got.Tracks[plan.Canary]["c@333333"].Requests != 5 {
				t.Errorf("got %+v, %v", got, err)
			}
			_, err = store.Read(t.Context(), shop(fmt.Sprintf(`{"address":%q,"auth":{%s}}`, s.URL, c.auth)))
			if err == nil || !strings.Contains(err.Error(), "certificate") {
				t.Errorf("a certificate of nobody knows whom: %v", err)
			}
			other := shop(fmt.Sprintf(`{"address":%q,"auth":{%s%s}}`, s.URL, c.auth, trust))
			other.Target = "Deployment/thief/checkout"
			if _, err := store.Read(t.Context(), other); err == nil || !strings.Contains(err.Error(), "read Secret thief/prom") {
				t.Errorf("the Secret of another namespace: %v", err)
			}
		})
	}
}

func TestClientCertificate(t *testing.T) {
	s := unstarted(t)
	s.requests(5, "c", "x", "200")
	s.StartTLS() // makes a certificate, which will do for the client as well
	pair := s.TLS.Certificates[0]
	keyDER, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}))
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	strict := unstarted(t)
	strict.requests(5, "c", "x", "200")
	strict.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	strict.StartTLS()
	store := openStore(t, &clock{time.Now()})
	store.desk.connections.read = secrets(map[string]string{"shop/t/cert": cert, "shop/t/key": key})
	ref := func(key string) string { return `{"secretRef":{"name":"t","key":"` + key + `"}}` }
	trust := `"ca":` + ref("cert")
	with := func(tls string) string { return fmt.Sprintf(`{"address":%q,"auth":{"tls":{%s}}}`, strict.URL, tls) }
	if _, err := store.Read(t.Context(), shop(with(trust))); err == nil {
		t.Error("the server took a client without a certificate: it proves nothing")
	}
	got, err := store.Read(t.Context(), shop(with(trust+`,"cert":`+ref("cert")+`,"key":`+ref("key"))))
	if err != nil || got.Tracks[plan.Canary]["c@333333"].Requests != 5 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestChangedSecretIsReadWhenTheOldOneIsRefused(t *testing.T) {
	wants := &atomic.Value{}
	wants.Store("Bearer old")
	s, ca := guarded(t, wants)
	clock := &clock{time.Now()}
	store := openStore(t, clock)
	all := map[string]string{"shop/p/token": "old", "shop/p/ca": ca}
	store.desk.connections.read = secrets(all)
	q := shop(fmt.Sprintf(`{"address":%q,"auth":{"bearer":{"secretRef":{"name":"p","key":"token"}},"tls":{"ca":{"secretRef":{"name":"p","key":"ca"}}}}}`, s.URL))
	if _, err := store.Read(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	wants.Store("Bearer new")
	all["shop/p/token"] = "new"
	clock.at = clock.at.Add(shared)
	if _, err := store.Read(t.Context(), q); err == nil {
		t.Error("the old token was taken")
	} else if strings.Contains(err.Error(), "old") {
		t.Errorf("the error tells the token: %v", err)
	}
	if _, err := store.Read(t.Context(), q); err != nil {
		t.Errorf("the new token: %v", err)
	}
}

func TestFilesAreForStandAlone(t *testing.T) {
	wants := &atomic.Value{}
	wants.Store("Bearer token")
	s, ca := guarded(t, wants)
	dir := t.TempDir()
	for name, text := range map[string]string{"token": "token\n", "ca.pem": ca} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	q := shop(fmt.Sprintf(`{"address":%q,"auth":{"bearer":{"file":%q},"tls":{"ca":{"file":%q}}}}`, s.URL, dir+"/token", dir+"/ca.pem"))
	if got, err := openStore(t, &clock{time.Now()}).Read(t.Context(), q); err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	store := openStore(t, &clock{time.Now()})
	store.desk.connections.read = secrets(nil)
	if _, err := store.Read(t.Context(), q); err == nil || !strings.Contains(err.Error(), "use secretRef") {
		t.Errorf("a file of the controller was read for a user: %v", err)
	}
}

func TestCredentialsDoNotTravel(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("asked %s with %v", r.URL, r.Header)
	}))
	defer elsewhere.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	q := shop(fmt.Sprintf(`{"address":%q,"headers":{"X-Scope-OrgID":"shop"}}`, s.URL))
	if got, err := openStore(t, &clock{time.Now()}).Read(t.Context(), q); err == nil {
		t.Errorf("got %+v", got)
	}
	if err := Check(json.RawMessage(`{"headers":{"X-Scope-OrgID":"shop"}}`)); err != nil {
		t.Error(err)
	}
}
