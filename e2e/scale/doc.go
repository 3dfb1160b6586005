// Scale measures what serin costs at rest and at work, beside Flagger and Argo Rollouts: memory, processor time and
// requests to the API server.
//
// Each tool gets a control plane of its own (etcd, API server, controller manager; e2e/cluster), one after another, with
// the same number of applications in it. A stand-in for nodes makes pods ready as soon as they exist and answers for
// all of them with metrics that grow, and one for gateways takes up every route. The tool is an ordinary process with a
// service account of its own, and settings as its makers ship them. It is measured twice: when all its releases are
// over, and while a new revision of some of the applications is on its way in steps of a minute.
//
// What is left of a run are readings, a file each; the table is written from those there are.
package main
