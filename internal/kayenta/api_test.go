package kayenta

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	judge "serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/kayenta/execution"
	"serin.dev/serin/internal/kayenta/storage"
)

// What Argo Rollouts does: look the config up by name, start, poll, read the score.
func TestArgo(t *testing.T) {
	for name, c := range map[string]struct {
		canary float64
		score  float64
		class  string
	}{
		"good": {100, 100, "Pass"},
		"bad":  {200, 0, "Fail"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.prom.canary = c.canary
			id := b.config()
			list := get[[]Summary](b, "GET", "/canaryConfig?application=shop&configurationAccountName=embedded", "")
			if len(list) != 1 || list[0].ID != id || list[0].Name != "shop-canary" || list[0].Applications[0] != "shop" ||
				list[0].Updated != noon.UnixMilli() {
				t.Fatalf("listed %+v", list)
			}
			started := get[map[string]any](b, "POST", "/canary/"+id+
				"?application=shop&metricsAccountName=prom&configurationAccountName=embedded&storageAccountName=embedded", request)
			path := "/canary/" + started["canaryExecutionId"].(string)
			if s := get[map[string]any](b, "GET", path, ""); s["complete"] != false || s["result"] != nil {
				t.Errorf("just begun: %v", s)
			}
			b.settle(0)
			s := get[map[string]any](b, "GET", path, "")
			score := s["result"].(map[string]any)["judgeResult"].(map[string]any)["score"].(map[string]any)
			if s["complete"] != true || s["status"] != "succeeded" || score["score"] != c.score || score["classification"] != c.class {
				t.Errorf("got %v", s)
			}
			want := []string{`avg(http_errors{pod=~"baseline-.*"})`, `avg(http_errors{pod=~"canary-.*"})`,
				`avg(latency{pod=~"baseline-.*",cluster="eu"})`, `avg(latency{pod=~"canary-.*",cluster="eu"})`}
			if slices.Sort(b.prom.queries); !slices.Equal(b.prom.queries, want) {
				t.Errorf("asked %q", b.prom.queries)
			}
		})
	}
}

// What Deck and Gate do with configs.
func TestConfigs(t *testing.T) {
	b := newBench(t, nil)
	id := b.config()
	for _, prefix := range []string{"", "/v2"} {
		c := get[map[string]any](b, "GET", prefix+"/canaryConfig/"+id, "")
		if c["id"] != id || c["isNew"] != true || c["createdTimestampIso"] != "2026-03-01T12:00:00.000Z" ||
			c["updatedTimestamp"] != float64(noon.UnixMilli()) {
			t.Errorf("got %v", c)
		}
	}
	b.mu.Lock()
	b.now = noon.Add(time.Minute)
	b.mu.Unlock()
	changed := strings.Replace(config, "shop-canary", "renamed", 1)
	if got := get[map[string]string](b, "PUT", "/v2/canaryConfig/"+id, changed); got["canaryConfigId"] != id {
		t.Errorf("put: %v", got)
	}
	list := get[[]Summary](b, "GET", "/canaryConfig", "")
	if len(list) != 1 || list[0].Name != "renamed" || list[0].UpdatedISO != "2026-03-01T12:01:00.000Z" {
		t.Errorf("listed %+v", list)
	}
	for name, c := range map[string]struct {
		method, path, body string
		code               int
		want               string
	}{
		"the id is taken":          {"POST", "/canaryConfig", strings.Replace(config, "{", `{"id":"`+id+`",`, 1), 400, "already exists"},
		"the name is taken":        {"POST", "/canaryConfig", changed, 400, "already exists in the scope of applications [shop]"},
		"no such config":           {"PUT", "/canaryConfig/none", config, 400, "does not exist"},
		"nothing there":            {"GET", "/canaryConfig/none", "", 404, "not found"},
		"nothing to delete":        {"DELETE", "/canaryConfig/none", "", 404, "not found"},
		"no way out":               {"GET", "/canaryConfig/..%2Fmetrics", "", 404, "not found"},
		"no name":                  {"POST", "/canaryConfig", `{"applications":["a"],"metrics":[]}`, 400, "name: is missing"},
		"a name with a slash":      {"POST", "/canaryConfig", `{"name":"a/b","applications":["a"],"metrics":[]}`, 400, "name:"},
		"no application":           {"POST", "/canaryConfig", `{"name":"a","metrics":[]}`, 400, "applications: is missing"},
		"two metrics of one name":  {"POST", "/canaryConfig", `{"name":"a","applications":["a"],"metrics":[{"name":"m"},{"name":"m"}]}`, 400, "metrics[1].name"},
		"no JSON":                  {"POST", "/canaryConfig", `{`, 400, "canary config"},
		"too large":                {"POST", "/canaryConfig", `"` + strings.Repeat(" ", configMost) + `"`, 413, "longer than"},
		"no such account":          {"GET", "/canaryConfig?configurationAccountName=x", "", 400, "Unable to resolve account x"},
		"an account of other kind": {"GET", "/canaryConfig?configurationAccountName=prom", "", 400, "it is no CONFIGURATION_STORE"},
		"no such path":             {"GET", "/nowhere", "", 404, "there is no such path"},
	} {
		code, data := b.call(c.method, c.path, c.body)
		var said map[string]string
		if err := json.Unmarshal(data, &said); err != nil || code != c.code || !strings.Contains(said["message"], c.want) {
			t.Errorf("%s: %d %s", name, code, data)
		}
	}
	elsewhere := strings.Replace(changed, `["shop"]`, `["cart"]`, 1)
	if other := get[map[string]string](b, "POST", "/canaryConfig", elsewhere); other["canaryConfigId"] == "" {
		t.Error("the name is free in another application")
	}
	if list := get[[]Summary](b, "GET", "/canaryConfig?application=cart&application=none", ""); len(list) != 1 || list[0].Applications[0] != "cart" {
		t.Errorf("listed %+v", list)
	}
	if code, data := b.call("DELETE", "/canaryConfig/"+id, ""); code != 204 || len(data) > 0 {
		t.Errorf("delete: %d %s", code, data)
	}
	b.close()
	b.open()
	if list := get[[]Summary](b, "GET", "/v2/canaryConfig", ""); len(list) != 1 {
		t.Errorf("after a restart: %+v", list)
	}
}

// A store in trouble is no empty store: nothing is listed without what could not be read, and no name is given twice.
func TestStoreInTrouble(t *testing.T) {
	b := newBench(t, nil)
	b.config()
	b.service.accounts.stores[Embedded] = mute{b.service.record}
	b.service.index.known = map[string]map[string]indexed{}
	for method, body := range map[string]string{"GET": "", "POST": config} {
		if code, data := b.call(method, "/canaryConfig", body); code != 500 || !strings.Contains(string(data), "slow down") {
			t.Errorf("%s: %d %s", method, code, data)
		}
	}
}

// mute is a store that lists, and gives nothing.
type mute struct{ storage.Store }

func (mute) Get(context.Context, storage.Kind, string) ([]byte, error) {
	return nil, errors.New("slow down")
}

// Browsers are not sent here by other sites, and bodies are JSON.
func TestForeignRequests(t *testing.T) {
	b := newBench(t, nil)
	for want, change := range map[int]func(*http.Request){
		415: func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
		403: func(r *http.Request) {
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		},
	} {
		r, err := http.NewRequest("POST", b.server.URL+"/canaryConfig", strings.NewReader(config))
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		if code, data := b.send(r); code != want {
			t.Errorf("got %d %s, want %d", code, data, want)
		}
	}
}

func TestAdHocCanary(t *testing.T) {
	b := newBench(t, nil)
	wrong := strings.Replace(config, `"critical":true`, `"critical":7`, 1)
	for want, body := range map[string]string{
		"canaryConfig must be provided for ad-hoc requests":     `{"executionRequest":` + request + `}`,
		"executionRequest must be provided for ad-hoc requests": `{"canaryConfig":` + config + `}`,
		"analysisConfigurations.canary":                         `{"canaryConfig":` + wrong + `,"executionRequest":` + request + `}`,
		`the metric "errors" needs the scope "default"`:         `{"canaryConfig":` + config + `,"executionRequest":{"thresholds":{"pass":1,"marginal":0}}}`,
	} {
		if code, data := b.call("POST", "/canary", body); code != 400 || !strings.Contains(string(data), strings.ReplaceAll(want, `"`, `\"`)) {
			t.Errorf("%s: %d %s", want, code, data)
		}
	}
	id := get[map[string]string](b, "POST", "/canary", `{"canaryConfig":`+config+`,"executionRequest":`+request+`}`)["canaryExecutionId"]
	b.settle(0)
	s := get[execution.CanaryStatus](b, "GET", "/canary/"+id, "")
	if s.Application != "ad-hoc" || s.ConfigID != "ad-hoc" || s.Status != "succeeded" || s.Request.Scopes["default"].Control.Location != "eu" {
		t.Errorf("got %+v", s)
	}
	for _, path := range []string{"/canary/executions", "/v2/canaries/ad-hoc/executions?limit=5"} {
		if list := get[[]execution.CanaryStatus](b, "GET", path, ""); len(list) != 1 || list[0].PipelineID != id {
			t.Errorf("%s: %+v", path, list)
		}
	}
	if list := get[[]execution.CanaryStatus](b, "GET", "/canary/executions?application=other", ""); len(list) != 0 {
		t.Errorf("of another application: %+v", list)
	}
	if s := get[execution.CanaryStatus](b, "GET", "/v2/canaries/canary/any/"+id, ""); s.PipelineID != id {
		t.Errorf("gate's path: %+v", s)
	}
}

// A query that Prometheus refuses fails the canary, with its words; one that finds nothing is no data.
func TestBadQueries(t *testing.T) {
	b := newBench(t, nil)
	b.prom.fail = 422
	id := get[map[string]string](b, "POST", "/canary", `{"canaryConfig":`+config+`,"executionRequest":`+request+`}`)["canaryExecutionId"]
	b.settle(0)
	s := get[execution.CanaryStatus](b, "GET", "/canary/"+id, "")
	if s.Status != "terminal" || !s.Complete || s.Exception == nil || !strings.Contains(s.Exception.Details.Errors[0], "fetch metric") ||
		s.Stages["mixMetrics"] != "not_started" {
		t.Errorf("got %+v", s)
	}
	b.prom.fail = 0
	empty := strings.ReplaceAll(config, "http_errors", "nothing")
	id = get[map[string]string](b, "POST", "/canary", `{"canaryConfig":`+empty+`,"executionRequest":`+request+`}`)["canaryExecutionId"]
	b.settle(0)
	s = get[execution.CanaryStatus](b, "GET", "/canary/"+id, "")
	if s.Status != "succeeded" || s.Result.Judge.Results[0].Classification != "Nodata" {
		t.Errorf("got %+v, %+v", s, s.Exception)
	}
	other := strings.ReplaceAll(config, `"serviceType":"prometheus","metricName"`, `"serviceType":"datadog","metricName"`)
	id = get[map[string]string](b, "POST", "/canary", `{"canaryConfig":`+other+`,"executionRequest":`+request+`}`)["canaryExecutionId"]
	b.settle(0)
	s = get[execution.CanaryStatus](b, "GET", "/canary/"+id, "")
	if s.Status != "terminal" || !strings.Contains(s.Exception.Details.Errors[0], `is "datadog", and the account prom is of type prometheus`) {
		t.Errorf("got %+v", s.Exception)
	}
}

// An analysis of three hours, as a script asks for it, in as long as the judge needs.
func TestStandaloneAnalysis(t *testing.T) {
	b := newBench(t, nil)
	body := `{"scopes":[{"scopeName":"default","controlScope":"baseline","controlLocation":"eu",
		"experimentScope":"canary","experimentLocation":"eu","step":60}],
		"thresholds":{"pass":90,"marginal":70},"lifetimeDurationMins":180,"analysisIntervalMins":60}`
	path := "/standalone_canary_analysis/" + b.config() + "?application=shop&user=me&parentPipelineExecutionId=p1"
	id := get[map[string]string](b, "POST", path, body)["canaryAnalysisExecutionId"]
	b.settle(90 * time.Minute)
	s := get[execution.AnalysisStatus](b, "GET", "/standalone_canary_analysis/"+id, "")
	if s.Complete || s.Status != "running" || s.Stages[2].Status != execution.Succeeded || s.Stages[2].ExecutionID == "" ||
		s.Stages[3].Status != execution.NotStarted {
		t.Fatalf("after an hour: %+v", s.Stages)
	}
	b.close()
	b.open() // the clock goes on
	b.settle(2 * time.Hour)
	s = get[execution.AnalysisStatus](b, "GET", "/standalone_canary_analysis/"+id, "")
	if !s.Complete || s.ExecutionStatus != execution.Succeeded || !s.Result.Passed || len(s.Result.Scores) != 3 ||
		s.User != "me" || s.Parent != "p1" {
		t.Fatalf("at the end: %+v", s)
	}
	if len(b.prom.queries) != 12 {
		t.Errorf("asked %d times", len(b.prom.queries))
	}
	run := get[execution.CanaryStatus](b, "GET", "/canary/"+s.Result.Runs[2].ExecutionID, "")
	if run.Result.Judge.Score.Score != 100 || run.Result.Duration != "PT3H" {
		t.Errorf("the last run: %+v", run.Result)
	}
	body = `{"canaryConfig":` + config + `,"executionRequest":` + body + `}`
	id = get[map[string]string](b, "POST", "/standalone_canary_analysis", body)["canaryAnalysisExecutionId"]
	if code, data := b.call("PUT", "/pipelines/"+id+"/cancel", ""); code != 200 {
		t.Errorf("cancel: %d %s", code, data)
	}
	b.settle(0)
	s = get[execution.AnalysisStatus](b, "GET", "/standalone_canary_analysis/"+id, "")
	if s.Status != "canceled" || s.User != "anonymous" || s.Application != "ad-hoc" {
		t.Errorf("cancelled: %+v", s)
	}
	if code, _ := b.call("PUT", "/pipelines/none/cancel", ""); code != 404 {
		t.Errorf("cancel nothing: %d", code)
	}
}

// Stored pairs are judged again, by one judge or by two, and are read and written as a whole.
func TestStoredData(t *testing.T) {
	b := newBench(t, nil)
	config := b.config()
	id := get[map[string]string](b, "POST", "/canary/"+config, request)["canaryExecutionId"]
	b.settle(0)
	s := get[execution.CanaryStatus](b, "GET", "/canary/"+id, "")
	pairs := get[[]judge.Pair](b, "GET", "/metricSetPairList/"+s.PairList, "")
	if len(pairs) != 2 || len(pairs[0].Values.Control) != 61 ||
		pairs[0].Attributes.Experiment["query"] != `avg(http_errors{pod=~"canary-.*"})` {
		t.Fatalf("pairs: %+v", pairs)
	}
	if p := get[judge.Pair](b, "GET", "/v2/canaries/metricSetPairList/"+s.PairList+"/"+pairs[1].ID, ""); p.Name != "latency" {
		t.Errorf("one pair: %+v", p)
	}
	canned := "?canaryConfigId=" + config + "&metricSetPairListId=" + s.PairList + "&passThreshold=90&marginalThreshold=75"
	if r := get[judge.Result](b, "POST", "/judges/judge"+canned, ""); r.Score.Score != 100 || r.JudgeName != judge.JudgeName {
		t.Errorf("judged again: %+v", r)
	}
	compared := get[map[string]string](b, "POST", "/judges/comparison"+canned+"&overrideCanaryJudge1="+judge.JudgeName, "")["canaryExecutionId"]
	b.settle(0)
	both := get[map[string]map[string]judge.Result](b, "GET", "/judges/comparison/"+compared, "")["comparisonResult"]
	if both["judge1Result"].Score.Score != 100 || both["judge2Result"].Score.Score != 100 {
		t.Errorf("compared: %+v", both)
	}
	text, err := json.Marshal(pairs)
	if err != nil {
		t.Fatal(err)
	}
	copied := get[map[string]string](b, "POST", "/metricSetPairList", string(text))["metricSetPairListId"]
	if list := get[[]map[string]any](b, "GET", "/metricSetPairList", ""); len(list) != 2 || list[0]["updatedTimestampIso"] == nil {
		t.Errorf("listed %v", list)
	}
	if code, _ := b.call("DELETE", "/metricSetPairList/"+copied, ""); code != 204 {
		t.Errorf("delete: %d", code)
	}
	if list := get[[]map[string]any](b, "GET", "/metricSetList", ""); len(list) != 4 {
		t.Errorf("metric sets: %v", list)
	}
	archived := get[execution.CanaryStatus](b, "GET", "/canaryResultArchive/"+id, "")
	if archived.PipelineID != id || !archived.Complete {
		t.Errorf("archived: %+v", archived)
	}
	if got := get[map[string]string](b, "POST", "/canaryResultArchive?pipelineId=mine", `{"application":"a"}`); got["pipelineId"] != "mine" {
		t.Errorf("archive: %v", got)
	}
	for want, c := range map[string][3]string{
		"already exists":           {"POST", "/canaryResultArchive?pipelineId=mine", `{}`},
		"does not exist":           {"PUT", "/canaryResultArchive/none", `{}`},
		"read the body":            {"POST", "/metricSetList", `{"not":"a list"}`},
		"'passThreshold' is not":   {"POST", "/judges/judge?canaryConfigId=a&metricSetPairListId=b", ""},
		"passThreshold: want":      {"POST", "/judges/judge" + strings.Replace(canned, "=90", "=much", 1), ""},
		"resolve canary judge 'x'": {"POST", "/judges/comparison" + canned + "&overrideCanaryJudge2=x", ""},
	} {
		if code, data := b.call(c[0], c[1], c[2]); code != 400 || !strings.Contains(string(data), want) {
			t.Errorf("%s: %d %s", want, code, data)
		}
	}
	for _, path := range []string{"/metricSetPairList/none", "/metricSetPairList/" + s.PairList + "/none", "/canary/none",
		"/standalone_canary_analysis/none", "/judges/comparison/none", "/canaryResultArchive/none"} {
		if code, data := b.call("GET", path, ""); code != 404 || !strings.Contains(string(data), "message") {
			t.Errorf("%s: %d %s", path, code, data)
		}
	}
}

func TestAccountsAndMetrics(t *testing.T) {
	b := newBench(t, nil)
	if all := get[[]Account](b, "GET", "/credentials", ""); len(all) != 2 || all[0].Type != "prometheus" || all[1].Name != "embedded" ||
		!slices.Equal(all[1].SupportedTypes, []Capability{ObjectStore, ConfigurationStore}) {
		t.Errorf("accounts: %+v", all)
	}
	if all := get[[]map[string]any](b, "GET", "/metricsServices", ""); len(all) != 1 || all[0]["name"] != "prom" ||
		all[0]["locations"].([]any)[0] != "eu" {
		t.Errorf("metric stores: %v", all)
	}
	if code, data := b.call("DELETE", "/credentials/prom", ""); code != 400 {
		t.Errorf("delete: %d %s", code, data)
	}
	if all := get[[]map[string]string](b, "GET", "/metadata/metricsService?filter=ERRORS", ""); len(all) != 1 || all[0]["name"] != "http_Errors_total" {
		t.Errorf("names: %v", all)
	}
	if all := get[[]map[string]any](b, "GET", "/judges", ""); all[0]["name"] != judge.JudgeName || all[0]["visible"] != true {
		t.Errorf("judges: %v", all)
	}
	if h := get[map[string]string](b, "GET", "/health", ""); h["status"] != "UP" {
		t.Errorf("health: %v", h)
	}
	fetch := "/fetch/prometheus/query?metricsAccountName=prom&metricSetName=cpu&metricName=node_cpu&step=60&scope=canary" +
		"&customFilter=pod%3D%22${scope}%22&labelBindings=mode%3D~%22user%7Csystem%22&groupByFields=a,b&start=2026-03-01T11:00:00Z&end=2026-03-01T12:00:00Z"
	if q := get[map[string]string](b, "POST", fetch+"&dryRun=true", ""); q["query"] != `avg(node_cpu{pod="canary",mode=~"user|system"}) by (a,b)` {
		t.Errorf("query: %v", q)
	}
	id := get[map[string]string](b, "POST", fetch, "")["metricSetListId"]
	sets := get[[]judge.MetricSet](b, "GET", "/metricSetList/"+id, "")
	if len(sets) != 1 || len(sets[0].Values) != 61 || sets[0].Name != "cpu" {
		t.Errorf("fetched %+v", sets)
	}
	code, data := b.call("POST", "/fetch/prometheus/query?metricSetName=cpu&step=60", "")
	if code != 400 || !strings.Contains(string(data), "'metricName'") {
		t.Errorf("without a metric: %d %s", code, data)
	}
	code, data = b.call("POST", "/fetch/prometheus/query?metricSetName=a&metricName=b&step=60&dryRun=true", "")
	if code != 400 || !strings.Contains(string(data), "resourceType") {
		t.Errorf("without a filter: %d %s", code, data)
	}
}
