// Package deploy holds what installs serin on a cluster: the definitions of its kinds (crds, written by `make generate`), the
// Helm chart (chart/serin) and the kustomize base (kustomize), and how its image is made (image).
//
// What can be known from the code is written from the code by `make chart`: the permissions of each module come from the
// drivers of the catalog, the chart's definitions from crds, the base from the chart. The tests refuse what is out of step.
package deploy
