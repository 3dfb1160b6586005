package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// lifetime is longer than any test cluster's.
const lifetime = 10 * 365 * 24 * time.Hour

// FrontProxy is the name under which the API server calls aggregated APIs.
const FrontProxy = "front-proxy-client"

// A Server is what a certificate says about who shows it.
type Server struct {
	Names []string
	IPs   []string
}

// Write makes all files in a directory, unless they are there: ca.crt, apiserver.{crt,key}, front-proxy-ca.crt,
// front-proxy-client.{crt,key} and service-accounts.key.
func Write(dir string, apiserver Server) error {
	done := filepath.Join(dir, "service-accounts.key") // the last to be written
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := pair(dir, "ca", "apiserver", serving(apiserver)); err != nil {
		return fmt.Errorf("make the API server's certificate: %w", err)
	}
	if err := pair(dir, "front-proxy-ca", FrontProxy, calling(FrontProxy)); err != nil {
		return fmt.Errorf("make the front proxy's certificate: %w", err)
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	return writeKey(done, key)
}

func serving(s Server) *x509.Certificate {
	c := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		DNSNames:    s.Names,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, ip := range s.IPs {
		c.IPAddresses = append(c.IPAddresses, net.ParseIP(ip))
	}
	return c
}

func calling(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

// pair makes an authority and one certificate signed by it, and forgets the authority's key.
func pair(dir, authority, name string, leaf *x509.Certificate) error {
	authorityKey, err := newKey()
	if err != nil {
		return err
	}
	ca := &x509.Certificate{
		Subject:               pkix.Name{CommonName: authority},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	ca, err = sign(filepath.Join(dir, authority+".crt"), ca, ca, authorityKey, authorityKey)
	if err != nil {
		return err
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	_, err = sign(filepath.Join(dir, name+".crt"), leaf, ca, key, authorityKey)
	return errors.Join(err, writeKey(filepath.Join(dir, name+".key"), key))
}

func sign(file string, c, authority *x509.Certificate, key, with *ecdsa.PrivateKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	c.SerialNumber = serial
	c.NotBefore = time.Now().Add(-time.Hour)
	c.NotAfter = time.Now().Add(lifetime)
	der, err := x509.CreateCertificate(rand.Reader, c, authority, key.Public(), with)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func writeKey(file string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}
