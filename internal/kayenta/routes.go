package kayenta

import "net/http"

// routes are Kayenta's paths, and Gate's names for some of them.
func (s *Service) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, e := range map[string]endpoint{
		"GET /canaryConfig":         s.listConfigs,
		"POST /canaryConfig":        s.createConfig,
		"GET /canaryConfig/{id}":    s.getConfig,
		"PUT /canaryConfig/{id}":    s.updateConfig,
		"DELETE /canaryConfig/{id}": s.deleteConfig,

		"POST /canary":                s.startAdHocCanary,
		"POST /canary/{id}":           s.startCanary,
		"GET /canary/{id}":            s.getCanary,
		"GET /canary/executions":      s.listCanaries,
		"PUT /pipelines/{id}/cancel":  s.cancel,
		"POST /pipelines/{id}/cancel": s.cancel,

		"POST /standalone_canary_analysis":      s.startAdHocAnalysis,
		"POST /standalone_canary_analysis/{id}": s.startAnalysis,
		"GET /standalone_canary_analysis/{id}":  s.getAnalysis,

		"GET /judges":                 s.listJudges,
		"POST /judges/judge":          s.judgeAgain,
		"POST /judges/comparison":     s.startComparison,
		"GET /judges/comparison/{id}": s.getComparison,

		"GET /credentials":              s.listAccounts,
		"DELETE /credentials/{account}": s.deleteAccount,
		"GET /metricsServices":          s.listMetricsServices,
		"GET /metadata/metricsService":  s.listMetricNames,
		"POST /fetch/prometheus/query":  s.fetchMetric,

		"GET /metricSetPairList/{id}/{pair}": s.getPair,
		"GET /health":                        s.health,

		"GET /v2/canaryConfig":                           s.listConfigs,
		"POST /v2/canaryConfig":                          s.createConfig,
		"GET /v2/canaryConfig/{id}":                      s.getConfig,
		"PUT /v2/canaryConfig/{id}":                      s.updateConfig,
		"DELETE /v2/canaryConfig/{id}":                   s.deleteConfig,
		"POST /v2/canaries/canary":                       s.startAdHocCanary,
		"POST /v2/canaries/canary/{id}":                  s.startCanary,
		"GET /v2/canaries/canary/{config}/{id}":          s.getCanary,
		"GET /v2/canaries/{application}/executions":      s.listCanaries,
		"GET /v2/canaries/metricSetPairList/{id}/{pair}": s.getPair,
		"GET /v2/canaries/credentials":                   s.listAccounts,
		"GET /v2/canaries/judges":                        s.listJudges,
		"GET /v2/canaries/metadata/metricsService":       s.listMetricNames,
	} {
		mux.HandleFunc(pattern, s.answer(e))
	}
	for path, h := range map[string]shelf{
		"/metricSetList": s.metricSets(), "/metricSetPairList": s.metricSetPairs(), "/canaryResultArchive": s.resultArchive(),
	} {
		mux.HandleFunc("GET "+path, s.answer(h.list))
		mux.HandleFunc("POST "+path, s.answer(h.create))
		mux.HandleFunc("GET "+path+"/{id}", s.answer(h.get))
		mux.HandleFunc("PUT "+path+"/{id}", s.answer(h.update))
		mux.HandleFunc("DELETE "+path+"/{id}", s.answer(h.remove))
	}
	mux.HandleFunc("/", s.answer(s.nowhere))
	return s.limited(http.NewCrossOriginProtection().Handler(mux))
}

func (s *Service) nowhere(r *http.Request) (any, error) {
	return nil, noRoute{r.Method + " " + r.URL.Path}
}

func (s *Service) health(*http.Request) (any, error) { return map[string]string{"status": "UP"}, nil }

// limited bounds how many requests are answered at once: each may hold a body of many megabytes.
func (s *Service) limited(next http.Handler) http.Handler {
	free := make(chan struct{}, requestsAtOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case free <- struct{}{}:
			defer func() { <-free }()
			next.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	})
}

const requestsAtOnce = 32
