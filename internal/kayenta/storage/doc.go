// Package storage keeps what Kayenta keeps: canary configs, metric sets, pairs of them and results, each under a kind and an
// id. Back ends are folders below: disk, one bbolt file and no other server, and s3, any bucket that speaks S3.
//
// Objects are whole: a reader sees the old one or the new one, never a half. In a bucket they lie where Kayenta puts them
// (<root>/<group>/<id>/<file>), so that a bucket of Kayenta's can be taken over, and handed back.
package storage
