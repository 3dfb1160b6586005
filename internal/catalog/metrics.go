package catalog

import (
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/metric/prometheus"
	"serin.dev/serin/internal/metric/proxy"
	"serin.dev/serin/internal/metric/scrape"
	"serin.dev/serin/internal/metric/web"
)

// Metrics lists where counts, and answers to queries, come from.
var Metrics = []metric.Driver{
	proxy.Driver,
	scrape.Driver,
	prometheus.Driver,
	web.Driver,
}
