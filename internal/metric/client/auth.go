package client

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/prometheus/common/config"
)

// Auth says how serin shows a server who it is. No credential stands in the settings themselves.
type Auth struct {
	Basic  *Basic  `json:"basic"`
	Bearer *Secret `json:"bearer"` // a token
	OAuth2 *OAuth2 `json:"oauth2"`
	TLS    *TLS    `json:"tls"`
}

// Basic is a name and a password.
type Basic struct {
	Username string `json:"username"`
	Password Secret `json:"password"`
}

// OAuth2 gets a token with a client's credentials.
type OAuth2 struct {
	ClientID     string            `json:"clientID"`
	ClientSecret Secret            `json:"clientSecret"`
	TokenURL     string            `json:"tokenURL"`
	Scopes       []string          `json:"scopes"`
	Params       map[string]string `json:"params"` // of the request for the token, for instance audience
}

// TLS says whom to believe, and with which certificate to come.
type TLS struct {
	CA                 *Secret `json:"ca"`
	Cert               *Secret `json:"cert"`
	Key                *Secret `json:"key"`
	ServerName         string  `json:"serverName"`
	InsecureSkipVerify bool    `json:"insecureSkipVerify"`
}

// A Secret is kept in one key of a Secret of the target's namespace, or outside of a cluster in a file.
type Secret struct {
	SecretRef *SecretRef `json:"secretRef"`
	File      string     `json:"file"`
}

// A SecretRef names a key of a Secret.
type SecretRef struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// secretLimit bounds the file of a secret.
const secretLimit = 1 << 20

// Check refuses what cannot be meant and names the field.
func (a Auth) Check() error {
	ways := 0
	for _, given := range []bool{a.Basic != nil, a.Bearer != nil, a.OAuth2 != nil} {
		if given {
			ways++
		}
	}
	if ways > 1 {
		return errors.New("auth: give one of basic, bearer and oauth2")
	}
	if a.Basic != nil && a.Basic.Username == "" {
		return errors.New("auth.basic.username: is missing")
	}
	if o := a.OAuth2; o != nil {
		u, err := url.Parse(o.TokenURL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
			return errors.New("auth.oauth2.tokenURL: want https://HOST/PATH")
		}
		if o.ClientID == "" {
			return errors.New("auth.oauth2.clientID: is missing")
		}
	}
	if t := a.TLS; t != nil && (t.Cert == nil) != (t.Key == nil) {
		return errors.New("auth.tls: cert and key go together")
	}
	for field, s := range a.secrets() {
		if s == nil {
			continue
		}
		if err := s.Check(field); err != nil {
			return err
		}
	}
	return nil
}

// Check refuses a secret that is nowhere, or in two places; field names it.
func (s *Secret) Check(field string) error {
	if (s.SecretRef == nil) == (s.File == "") {
		return fmt.Errorf("%s: want secretRef, or file outside of a cluster", field)
	}
	if r := s.SecretRef; r != nil && (r.Name == "" || r.Key == "") {
		return fmt.Errorf("%s.secretRef: want name and key", field)
	}
	return nil
}

// secrets lists all that there may be, by field.
func (a Auth) secrets() map[string]*Secret {
	all := map[string]*Secret{"auth.bearer": a.Bearer}
	if a.Basic != nil {
		all["auth.basic.password"] = &a.Basic.Password
	}
	if a.OAuth2 != nil {
		all["auth.oauth2.clientSecret"] = &a.OAuth2.ClientSecret
	}
	if a.TLS != nil {
		all["auth.tls.ca"], all["auth.tls.cert"], all["auth.tls.key"] = a.TLS.CA, a.TLS.Cert, a.TLS.Key
	}
	return all
}

// Secrets reads secrets for targets of one namespace.
type Secrets struct {
	Namespace string
	Read      func(ctx context.Context, namespace, name, key string) (string, error) // nil outside of a cluster
}

// httpConfig is the auth in the words of Prometheus's own clients, with all secrets read.
func (a Auth) httpConfig(ctx context.Context, from Secrets) (config.HTTPClientConfig, error) {
	values := map[string]string{}
	for field, s := range a.secrets() {
		if s == nil {
			continue
		}
		value, err := from.Value(ctx, s)
		if err != nil {
			return config.HTTPClientConfig{}, fmt.Errorf("%s: %w", field, err)
		}
		values[field] = value
	}
	c := config.HTTPClientConfig{EnableHTTP2: true, ProxyConfig: config.ProxyConfig{ProxyFromEnvironment: true}}
	if t := a.TLS; t != nil {
		c.TLSConfig = config.TLSConfig{
			CA: values["auth.tls.ca"], Cert: values["auth.tls.cert"], Key: config.Secret(values["auth.tls.key"]),
			ServerName: t.ServerName, InsecureSkipVerify: t.InsecureSkipVerify,
		}
	}
	switch {
	case a.Basic != nil:
		c.BasicAuth = &config.BasicAuth{Username: a.Basic.Username, Password: config.Secret(values["auth.basic.password"])}
	case a.Bearer != nil:
		c.Authorization = &config.Authorization{Type: "Bearer", Credentials: config.Secret(values["auth.bearer"])}
	case a.OAuth2 != nil:
		c.OAuth2 = &config.OAuth2{
			ClientID: a.OAuth2.ClientID, ClientSecret: config.Secret(values["auth.oauth2.clientSecret"]),
			TokenURL: a.OAuth2.TokenURL, Scopes: a.OAuth2.Scopes, EndpointParams: a.OAuth2.Params, ProxyConfig: c.ProxyConfig,
			TLSConfig: c.TLSConfig,
		}
	}
	return c, c.Validate()
}

// Value reads a secret. White space at its ends is no part of it.
func (from Secrets) Value(ctx context.Context, s *Secret) (string, error) {
	if r := s.SecretRef; r != nil {
		if from.Read == nil {
			return "", errors.New("there are no Secrets outside of a cluster; use file")
		}
		text, err := from.Read(ctx, from.Namespace, r.Name, r.Key)
		if err != nil {
			return "", fmt.Errorf("read Secret %s/%s: %w", from.Namespace, r.Name, err)
		}
		return strings.TrimSpace(text), nil
	}
	if from.Read != nil {
		return "", errors.New("files are read outside of a cluster only; use secretRef")
	}
	info, err := os.Stat(s.File)
	if err != nil {
		return "", err
	}
	if info.Size() > secretLimit || !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no file of at most %d bytes", s.File, secretLimit)
	}
	text, err := os.ReadFile(s.File)
	return strings.TrimSpace(string(text)), err
}
