// Package kayenta serves Kayenta's REST API, so that what talks to Kayenta (Deck through Gate, Orca, Argo Rollouts, scripts)
// talks to serin: canary configs, canaries, analyses over a time, and what they leave behind.
//
// The judge is internal/judge/kayenta, which is pure; execution runs what was asked for, and goes on with it after a restart;
// storage keeps configs and results. This package is the accounts, the routes, and Kayenta's words for what goes wrong:
// {"message": ...} with 400 for what makes no sense and 404 for what is not there (ADR 0010).
//
// There is no authentication, as in Kayenta: listen where only those can connect who may. What browsers send from other
// sites is refused.
package kayenta
