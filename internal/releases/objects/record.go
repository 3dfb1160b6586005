package objects

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"

	"serin.dev/serin/internal/releases"
)

// Limits of a record inside an object. The API server takes 1.5 MB at once and etcd keeps that much of one object.
const (
	plainBytes  = 32 << 10  // written as JSON that people can read; beyond, compressed
	mostBytes   = 900 << 10 // as written
	unpackBytes = 32 << 20  // once it is read
)

// What stands at rest in objects: the words of package releases with the number of their format.
type (
	targetRecord struct {
		Format int `json:"format"`
		releases.Target
	}
	statusRecord struct {
		Format int `json:"format"`
		releases.Status
	}
	releaseRecord struct{ releases.Release } // has its number itself
)

// A formatted record says which format it has.
type formatted interface{ format() int }

func (r *targetRecord) format() int  { return r.Format }
func (r *statusRecord) format() int  { return r.Format }
func (r *releaseRecord) format() int { return r.Format }

// A packed record stands in one field, because nobody reads so much of it anyway.
type packed struct {
	Gzip []byte `json:"gzip"`
}

// pack writes a record.
func pack(record any) (json.RawMessage, error) {
	data, err := json.Marshal(record)
	if err != nil || len(data) <= plainBytes {
		return data, err
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	small, err := json.Marshal(packed{b.Bytes()})
	if err == nil && len(small) > mostBytes {
		return nil, fmt.Errorf("the record has %d bytes, %d compressed; an object holds %d", len(data), len(small), mostBytes)
	}
	return small, err
}

// unpack reads a record, and refuses one that a newer serin has written.
func unpack(record json.RawMessage, into formatted) error {
	data := []byte(record)
	if bytes.HasPrefix(data, []byte(`{"gzip":`)) {
		var p packed
		if err := json.Unmarshal(data, &p); err != nil {
			return err
		}
		r, err := gzip.NewReader(bytes.NewReader(p.Gzip))
		if err != nil {
			return err
		}
		if data, err = io.ReadAll(io.LimitReader(r, unpackBytes+1)); err != nil {
			return err
		}
		if len(data) > unpackBytes {
			return fmt.Errorf("the record has more than %d bytes", unpackBytes)
		}
	}
	err := json.Unmarshal(data, into)
	format := into.format()
	if err != nil { // perhaps because of its format
		var only struct {
			Format int `json:"format"`
		}
		_ = json.Unmarshal(data, &only) // whatever is wrong with it was said already
		format = only.Format
	}
	if format > releases.Format {
		return fmt.Errorf("the record has format %d, written by a newer serin; this one reads up to %d", format, releases.Format)
	}
	return err
}
