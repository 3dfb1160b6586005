// Package s3 keeps objects in a bucket of anything that speaks S3 (AWS, MinIO, Ceph, ...), where Kayenta keeps them:
// <root>/<group>/<id>/<file>.
//
// Credentials are never settings: they are looked for in the environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or
// MinIO's), then in the shared file of AWS (~/.aws/credentials, or AWS_SHARED_CREDENTIALS_FILE), then at what the machine or
// the pod is given (web identity, the instance's role).
//
// Create asks for a key that is not there yet (If-None-Match), so that two creations of one object cannot both succeed. A
// config that is renamed is written under its new name before the old one goes: killed in between, both are there, and the
// one that was written last counts.
//
// Run against gofakes3 over HTTP, behind a door that checks signatures, and against versitygw, a server of its own (`make test` builds
// it, and names it by SERIN_S3_SERVER).
package s3

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"serin.dev/serin/internal/kayenta/storage"
)

// patience bounds one request to the bucket, listing and body included.
const patience = 30 * time.Second

// Settings say where the bucket is.
type Settings struct {
	Endpoint string `json:"endpoint"` // "https://minio.example.com:9000"
	Bucket   string `json:"bucket"`
	Root     string `json:"root"`   // folder in the bucket, "kayenta"
	Region   string `json:"region"` // "us-east-1", or what $AWS_REGION says
	Profile  string `json:"profile"`
	File     string `json:"file"` // of credentials, in AWS's form
}

// Check refuses what cannot be meant.
func (s Settings) Check() error {
	u, err := url.Parse(s.Endpoint)
	switch {
	case err != nil:
		return errors.New("endpoint: is not a URL") // the parser's own words repeat it, with its password
	case u.User != nil:
		return errors.New("endpoint: holds a password; credentials come from the environment or from a file")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "":
		return errors.New("endpoint: want https://HOST or http://HOST:PORT")
	case s.Bucket == "":
		return errors.New("bucket: is missing")
	}
	for _, part := range strings.Split(s.Root, "/") {
		if part == ".." || part == "." {
			return fmt.Errorf("root: %q is no folder", s.Root)
		}
	}
	return nil
}

// A Store is one bucket.
type Store struct {
	client    *minio.Client
	transport *http.Transport
	bucket    string
	root      string
}

var _ storage.Store = (*Store)(nil)

// Open connects to the bucket. It must be there; serin makes none.
func Open(ctx context.Context, s Settings) (*Store, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	u, err := url.Parse(s.Endpoint)
	if err != nil {
		return nil, errors.New("endpoint: is not a URL")
	}
	transport, err := minio.DefaultTransport(u.Scheme == "https")
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", s.Bucket, err)
	}
	transport.ResponseHeaderTimeout, transport.TLSHandshakeTimeout = patience, 5*time.Second
	if transport.TLSClientConfig == nil {
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	client, err := minio.New(u.Host, &minio.Options{
		Secure: u.Scheme == "https", Transport: transport, Region: s.Region, MaxRetries: 3,
		Creds: credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.EnvMinio{},
			&credentials.FileAWSCredentials{Filename: s.File, Profile: s.Profile},
			&credentials.IAM{Client: &http.Client{Timeout: 5 * time.Second}},
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", s.Bucket, err)
	}
	root := strings.Trim(s.Root, "/")
	if root == "" {
		root = "kayenta"
	}
	b := &Store{client, transport, s.Bucket, root + "/"}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	switch there, err := client.BucketExists(ctx, s.Bucket); {
	case err != nil:
		return nil, errors.Join(fmt.Errorf("look for bucket %s at %s: %w", s.Bucket, u.Host, err), b.Close())
	case !there:
		return nil, errors.Join(fmt.Errorf("look for bucket %s at %s: %w", s.Bucket, u.Host, storage.ErrNotFound), b.Close())
	}
	return b, nil
}

// Close ends idle connections.
func (s *Store) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

func (s *Store) folder(k storage.Kind, id string) string { return s.root + string(k) + "/" + id + "/" }

// Create implements storage.Store.
func (s *Store) Create(ctx context.Context, k storage.Kind, id, file string, data []byte) error {
	what := fmt.Sprintf("write %s %s to bucket %s", k, id, s.bucket)
	if err := storage.Check(id, file, data); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	others, err := s.under(ctx, k, id)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if len(others) > 0 {
		return fmt.Errorf("%s: %w", what, storage.ErrExists)
	}
	o := options()
	o.SetMatchETagExcept("*")
	err = s.put(ctx, what, s.folder(k, id)+file, data, o)
	if code(err) == minio.NotImplemented { // older servers know no conditions
		err = s.put(ctx, what, s.folder(k, id)+file, data, options())
	}
	return err
}

// Put implements storage.Store.
func (s *Store) Put(ctx context.Context, k storage.Kind, id, file string, data []byte) error {
	what := fmt.Sprintf("write %s %s to bucket %s", k, id, s.bucket)
	if err := storage.Check(id, file, data); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	others, err := s.under(ctx, k, id)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := s.put(ctx, what, s.folder(k, id)+file, data, options()); err != nil {
		return err
	}
	for _, o := range others {
		if o.File == file {
			continue
		}
		if err := s.client.RemoveObject(ctx, s.bucket, s.folder(k, id)+o.File, minio.RemoveObjectOptions{}); err != nil {
			return fmt.Errorf("%s: remove its old file %s: %w", what, o.File, translate(err))
		}
	}
	return nil
}

func options() minio.PutObjectOptions { return minio.PutObjectOptions{ContentType: "application/json"} }

func (s *Store) put(ctx context.Context, what, key string, data []byte, o minio.PutObjectOptions) error {
	o.DisableMultipart = true // one request, one object: never a half
	if _, err := s.client.PutObject(ctx, s.bucket, key, bytes.NewReader(data), int64(len(data)), o); err != nil {
		return fmt.Errorf("%s: %w", what, translate(err))
	}
	return nil
}

// Get implements storage.Store.
func (s *Store) Get(ctx context.Context, k storage.Kind, id string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := s.newest(ctx, k, id)
	if err == nil {
		var data []byte
		if data, err = s.read(ctx, s.folder(k, id)+found.File); err == nil {
			return data, nil
		}
	}
	return nil, fmt.Errorf("read %s %s from bucket %s: %w", k, id, s.bucket, translate(err))
}

func (s *Store) read(ctx context.Context, key string) ([]byte, error) {
	o, err := s.client.GetObject(ctx, s.bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(o, storage.Limit+1))
	if err == nil && len(data) > storage.Limit {
		err = fmt.Errorf("%w: it is longer than %d bytes", storage.ErrInvalid, storage.Limit)
	}
	return data, errors.Join(err, o.Close())
}

// Delete implements storage.Store.
func (s *Store) Delete(ctx context.Context, k storage.Kind, id string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	what := fmt.Sprintf("delete %s %s from bucket %s", k, id, s.bucket)
	all, err := s.under(ctx, k, id)
	if err == nil && len(all) == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	for _, o := range all {
		if err := s.client.RemoveObject(ctx, s.bucket, s.folder(k, id)+o.File, minio.RemoveObjectOptions{}); err != nil {
			return fmt.Errorf("%s: %w", what, translate(err))
		}
	}
	return nil
}

// List implements storage.Store.
func (s *Store) List(ctx context.Context, k storage.Kind) ([]storage.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	all, err := s.list(ctx, s.root+string(k)+"/")
	if err != nil {
		return nil, fmt.Errorf("list %s in bucket %s: %w", k, s.bucket, err)
	}
	slices.SortStableFunc(all, func(a, b storage.Object) int {
		return max(-1, min(1, 2*strings.Compare(a.ID, b.ID)+a.Updated.Compare(b.Updated)))
	})
	newest := all[:0]
	for _, o := range all {
		if n := len(newest); n > 0 && newest[n-1].ID == o.ID {
			newest[n-1] = o
			continue
		}
		newest = append(newest, o)
	}
	return newest, nil
}

func (s *Store) newest(ctx context.Context, k storage.Kind, id string) (storage.Object, error) {
	all, err := s.under(ctx, k, id)
	if err != nil {
		return storage.Object{}, err
	}
	if len(all) == 0 {
		return storage.Object{}, storage.ErrNotFound
	}
	return slices.MaxFunc(all, func(a, b storage.Object) int { return a.Updated.Compare(b.Updated) }), nil
}

// under lists the files of one object: one, except in the middle of a change of its name.
func (s *Store) under(ctx context.Context, k storage.Kind, id string) ([]storage.Object, error) {
	if err := storage.CheckID(id); err != nil {
		return nil, fmt.Errorf("%w: %w", storage.ErrNotFound, err)
	}
	return s.list(ctx, s.folder(k, id))
}

func (s *Store) list(ctx context.Context, prefix string) ([]storage.Object, error) {
	var all []storage.Object
	for o := range s.client.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			return nil, translate(o.Err)
		}
		parts := strings.Split(strings.TrimPrefix(o.Key, s.root), "/")
		if len(parts) != 3 { // group, id, file; anything else is somebody else's
			continue
		}
		all = append(all, storage.Object{ID: parts[1], File: parts[2], Version: o.ETag, Updated: o.LastModified})
	}
	return all, ctx.Err()
}

// translate says in the contract's words what the server said in its own.
func translate(err error) error {
	switch code(err) {
	case minio.NoSuchKey:
		return fmt.Errorf("%w: %w", storage.ErrNotFound, err)
	case minio.PreconditionFailed:
		return fmt.Errorf("%w: %w", storage.ErrExists, err)
	}
	return err
}

// code is the server's word for what went wrong.
func code(err error) string {
	var said minio.ErrorResponse
	if errors.As(err, &said) {
		return said.Code
	}
	return ""
}
