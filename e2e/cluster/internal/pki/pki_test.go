package pki

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
)

func TestCertificatesAreTrusted(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, Server{Names: []string{"kubernetes.default.svc"}, IPs: []string{"10.98.0.1"}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		authority, name string
		hosts           []string
		usage           x509.ExtKeyUsage
	}{
		{"ca", "apiserver", []string{"kubernetes.default.svc", "10.98.0.1"}, x509.ExtKeyUsageServerAuth},
		{"front-proxy-ca", FrontProxy, nil, x509.ExtKeyUsageClientAuth},
	} {
		ca, err := os.ReadFile(filepath.Join(dir, c.authority+".crt"))
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(ca)
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, c.name+".crt"), filepath.Join(dir, c.name+".key"))
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range append(c.hosts, "") {
			if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, KeyUsages: []x509.ExtKeyUsage{c.usage}}); err != nil {
				t.Errorf("%s for %q: %v", c.name, host, err)
			}
		}
	}
}
