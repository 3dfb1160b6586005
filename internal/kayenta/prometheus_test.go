package kayenta

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A promServer answers range queries as Prometheus does, with made-up series: 100 and a little noise, more for the canary.
type promServer struct {
	*httptest.Server

	mu      sync.Mutex
	canary  float64 // level of series whose query speaks of the canary
	queries []string
	fail    int // status of what follows
}

func newPrometheus(t *testing.T) *promServer {
	p := &promServer{canary: 100}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/query_range", p.query)
	mux.HandleFunc("/api/v1/label/__name__/values", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"status":"success","data":["go_goroutines","http_Errors_total","http_requests_total"]}`)
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *promServer) query(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	query := r.FormValue("query")
	p.queries = append(p.queries, query)
	if p.fail != 0 {
		w.WriteHeader(p.fail)
		return
	}
	if strings.Contains(query, "nothing") {
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"matrix","result":[]}}`)
		return
	}
	start, _ := strconv.ParseFloat(r.FormValue("start"), 64)
	end, _ := strconv.ParseFloat(r.FormValue("end"), 64)
	step, err := time.ParseDuration(r.FormValue("step") + "s")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	level := 100.0
	if strings.Contains(query, "canary") {
		level = p.canary
	}
	var values [][2]any
	for at := start; at <= end; at += step.Seconds() {
		values = append(values, [2]any{at, fmt.Sprint(level + math.Sin(at*1.3+level))})
	}
	json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{
		"resultType": "matrix", "result": []any{map[string]any{"metric": map[string]string{}, "values": values}},
	}})
}
