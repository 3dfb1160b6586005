// Package report tells what became of a release in one piece: a verdict record (Record, JSON of docs/schema/report.json) and its
// renderings as text, Markdown, JUnit XML for build systems, and one HTML page with plots that needs nothing but itself.
//
// It works nothing out that progress has not: Of gathers what a progress.Release says about the way of a release and its end. The
// plots are SVG in the page, drawn from the trail of each analysis; no script runs, nothing is loaded, and everything that comes
// from files, clusters or people is escaped by html/template.
package report
