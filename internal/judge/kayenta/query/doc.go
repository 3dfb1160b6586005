// Package query builds the queries that Kayenta sends to metric stores, one small file per store, so that a canary config
// written for it asks the same questions here. Nothing is sent from here.
//
// What stands in a metric's `query` object is bound to a scope: whose series are meant (control or experiment), and when.
// Templates, where a store knows them, are texts with ${names}: query.customInlineTemplate, or an entry of the config's
// templates that query.customFilterTemplate names. A name is looked up in the extended parameters of the scope first, then
// in project, resourceType, scope and location (as far as the store has them); one that is bound nowhere is an error.
// ${name:-text} gives a default, and $${name} stands for itself. "$\{", as configs are stored behind an engine with
// expressions of its own, reads as "${".
//
// Kayenta pastes scopes and parameters into queries as they are; so does this package, because users rely on it to pass
// pieces of filters. Only InfluxDB's are checked and quoted, since a query there can change data.
//
// Sources: spinnaker/kayenta, the buildQuery methods of its metrics services and QueryConfigUtils, as of 2025-04; the
// documentation on spinnaker.io. CloudWatch is not in the open repository, and not here.
package query
