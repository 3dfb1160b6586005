// Package scenes holds releases at moments worth seeing, as Facts: one for every phase and every kind of wait. The tests of
// all views (sentences, terminal, page) look at the same ones, so that none forgets a moment the others know.
package scenes
