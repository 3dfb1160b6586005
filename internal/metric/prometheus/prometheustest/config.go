package prometheustest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Target is an exporter that Prometheus scrapes.
type Target struct {
	Job    string
	URL    string // http://HOST:PORT
	Labels map[string]string
}

// Scraping is a configuration that scrapes targets that often. A scrape may take as long as there is between two. Programs that have
// native histograms are scraped for these.
func Scraping(every time.Duration, targets ...Target) string {
	var b strings.Builder
	fmt.Fprintf(&b, "global: {scrape_interval: %dms, scrape_timeout: %[1]dms, scrape_native_histograms: true}\nscrape_configs:\n", every.Milliseconds())
	for _, t := range targets {
		var labels []string
		for _, name := range slices.Sorted(maps.Keys(t.Labels)) {
			labels = append(labels, fmt.Sprintf("%s: %q", name, t.Labels[name]))
		}
		fmt.Fprintf(&b, "- {job_name: %q, static_configs: [{targets: [%q], labels: {%s}}]}\n",
			t.Job, strings.TrimPrefix(t.URL, "http://"), strings.Join(labels, ", "))
	}
	return b.String()
}
