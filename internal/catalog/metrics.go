package catalog

import (
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/metric/prometheus"
	"serin.dev/serin/internal/metric/proxy"
	"serin.dev/serin/internal/metric/scrape"
)

// Metrics lists where counts come from.
var Metrics = []metric.Driver{
	proxy.Driver,
	scrape.Driver,
	prometheus.Driver,
}
