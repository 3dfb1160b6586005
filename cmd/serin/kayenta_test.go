package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"serin.dev/serin/internal/metric/prometheus/prometheustest"
)

// A kayentaProcess is `serin kayenta` at work in a directory of its own.
type kayentaProcess struct {
	t      *testing.T
	dir    string
	listen string
	flags  []string
	env    []string
	log    *capture
	cmd    *exec.Cmd
}

func startKayenta(t *testing.T, env []string, flags ...string) *kayentaProcess {
	t.Helper()
	k := &kayentaProcess{t: t, dir: t.TempDir(), listen: freeAddress(t), flags: flags, env: env, log: &capture{}}
	k.start()
	t.Cleanup(func() {
		if k.cmd != nil {
			k.kill()
		}
		if t.Failed() {
			t.Log(k.log.String())
		}
	})
	return k
}

func (k *kayentaProcess) start() {
	k.t.Helper()
	k.cmd = exec.Command(bin, append([]string{"kayenta", "--listen", k.listen, "--dir", k.dir}, k.flags...)...)
	k.cmd.Env = append(os.Environ(), k.env...)
	k.cmd.Stdout, k.cmd.Stderr = k.log, k.log
	if err := k.cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	eventually(k.t, 20*time.Second, "the API answers", func() bool {
		resp, err := http.Get("http://" + k.listen + "/health")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func (k *kayentaProcess) kill() {
	k.t.Helper()
	if err := k.cmd.Process.Kill(); err != nil {
		k.t.Error(err)
	}
	_ = k.cmd.Wait() // killed
	k.cmd = nil
}

// stop asks it to end, and returns its exit code.
func (k *kayentaProcess) stop() int {
	k.t.Helper()
	if err := k.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		k.t.Fatal(err)
	}
	_ = k.cmd.Wait() // the code says it
	code := k.cmd.ProcessState.ExitCode()
	k.cmd = nil
	return code
}

// call sends JSON and decodes what comes back.
func (k *kayentaProcess) call(method, path, body string, into any) {
	k.t.Helper()
	r, err := http.NewRequest(method, "http://"+k.listen+path, strings.NewReader(body))
	if err != nil {
		k.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		k.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode == http.StatusOK {
		err = json.Unmarshal(data, into)
	}
	if err != nil || resp.StatusCode != http.StatusOK {
		k.t.Fatalf("%s %s: %d %s (%v)", method, path, resp.StatusCode, data, err)
	}
}

// An analysisTold is what is read of an analysis.
type analysisTold struct {
	Complete  bool
	Status    string
	Exception json.RawMessage
	Stages    []struct{ Type, Status, ExecutionID string } `json:"stageStatus"`
	Result    struct {
		DidPassThresholds bool
		CanaryScores      []float64
		Message           string                         `json:"canaryScoreMessage"`
		Runs              []struct{ ExecutionID string } `json:"canaryExecutionResults"`
	} `json:"canaryAnalysisExecutionResult"`
}

func (k *kayentaProcess) analysis(id string) (a analysisTold) {
	k.t.Helper()
	k.call("GET", "/standalone_canary_analysis/"+id, "", &a)
	return a
}

func (k *kayentaProcess) overAnalysis(id string, within time.Duration) (a analysisTold) {
	k.t.Helper()
	eventually(k.t, within, "the analysis is over", func() bool { a = k.analysis(id); return a.Complete })
	return a
}

const kayentaConfig = `{"name":"shop","applications":["shop"],"judge":{"name":"NetflixACAJudge-v1.0"},
 "metrics":[{"name":"latency","query":{"type":"prometheus","metricName":"latency","customInlineTemplate":"track=\"${scope}\""},
   "groups":["Latency"],"analysisConfigurations":{"canary":{"direction":"increase"}},"scopeName":"default"}],
 "classifier":{"groupWeights":{"Latency":100}}}`

// past asks for judgements of what was: three of twenty minutes, ending half an hour ago.
func past(now time.Time, experiment string) string {
	end := now.Add(-30 * time.Minute).UTC().Truncate(time.Second)
	return fmt.Sprintf(`{"canaryConfig":%s,"executionRequest":{"scopes":[{"scopeName":"default","controlScope":"baseline","experimentScope":%q,
		"startTimeIso":%q,"endTimeIso":%q,"step":15}],"thresholds":{"pass":90,"marginal":60},"analysisIntervalMins":20}}`,
		kayentaConfig, experiment, end.Add(-time.Hour).Format(time.RFC3339), end.Format(time.RFC3339))
}

// A holding Prometheus answers range queries, but holds some of them back until the client has gone.
type holding struct {
	*httptest.Server

	mu       sync.Mutex
	asked    int
	from, to int // questions that are held
	held     chan struct{}
	answered map[string]int
}

func newHolding(t *testing.T, from, to int) *holding {
	h := &holding{from: from, to: to, held: make(chan struct{}, 100), answered: map[string]int{}}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *holding) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	question := r.FormValue("query") + " " + r.FormValue("start") + " " + r.FormValue("end")
	h.mu.Lock()
	h.asked++
	hold := h.asked >= h.from && h.asked <= h.to
	h.mu.Unlock()
	if hold {
		h.held <- struct{}{}
		<-r.Context().Done()
		return
	}
	start, _ := strconv.ParseFloat(r.FormValue("start"), 64)
	var values [][2]any
	for i := range 80 {
		values = append(values, [2]any{start + float64(i)*15, fmt.Sprint(100 + math.Sin(float64(i)))})
	}
	h.mu.Lock()
	h.answered[question]++
	h.mu.Unlock()
	json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{
		"resultType": "matrix", "result": []any{map[string]any{"metric": map[string]string{}, "values": values}},
	}})
}

// Killed in the middle of the second of three judgements, the next process ends the same analysis: what was judged is not judged
// again, what was asked is not asked again, and nothing is there twice.
func TestKayentaKilledGoesOn(t *testing.T) {
	prom := newHolding(t, 3, 4)
	k := startKayenta(t, nil, "--prometheus", "prom="+prom.URL)
	var begun struct{ CanaryAnalysisExecutionID string }
	k.call("POST", "/standalone_canary_analysis?application=shop", past(time.Now(), "canary"), &begun)
	<-prom.held
	<-prom.held
	before := k.analysis(begun.CanaryAnalysisExecutionID)
	k.kill()
	k.start()
	a := k.overAnalysis(begun.CanaryAnalysisExecutionID, 20*time.Second)
	if a.Status != "succeeded" || !a.Result.DidPassThresholds || len(a.Result.CanaryScores) != 3 {
		t.Fatalf("got %+v", a)
	}
	for i := 1; i <= 2; i++ {
		if before.Stages[i].ExecutionID == "" || before.Stages[i].ExecutionID != a.Stages[i].ExecutionID {
			t.Errorf("canary %d was %q and is %q", i, before.Stages[i].ExecutionID, a.Stages[i].ExecutionID)
		}
	}
	if len(prom.answered) != 6 || prom.asked != 8 {
		t.Errorf("%d questions were asked, %d were answered", prom.asked, len(prom.answered))
	}
	for question, n := range prom.answered {
		if n != 1 {
			t.Errorf("%s was answered %d times", question, n)
		}
	}
	for path, want := range map[string]int{
		"/metricSetList": 6, "/metricSetPairList": 3, "/canaryResultArchive": 3, "/canary/executions?application=shop": 3,
	} {
		var all []json.RawMessage
		if k.call("GET", path, "", &all); len(all) != want {
			t.Errorf("%s: %d, want %d", path, len(all), want)
		}
	}
	if code := k.stop(); code != 0 {
		t.Errorf("asked to end, it exits with %d", code)
	}
}

// The shortest analysis in real time, a minute, over an orderly stop: the clock goes on meanwhile.
func TestKayentaInRealTime(t *testing.T) {
	long(t, "an analysis takes whole minutes")
	prom := newHolding(t, 0, 0)
	k := startKayenta(t, nil, "--prometheus", "prom="+prom.URL)
	var begun struct{ CanaryAnalysisExecutionID string }
	body := `{"canaryConfig":` + kayentaConfig + `,"executionRequest":{"scopes":[{"scopeName":"default","controlScope":"baseline",
		"experimentScope":"canary","step":1}],"thresholds":{"pass":90,"marginal":60},"lifetimeDurationMins":1}}`
	at := time.Now()
	k.call("POST", "/standalone_canary_analysis", body, &begun)
	if a := k.analysis(begun.CanaryAnalysisExecutionID); a.Complete {
		t.Errorf("already over: %+v", a)
	}
	if code := k.stop(); code != 0 || time.Since(at) > 30*time.Second {
		t.Errorf("asked to end while it waits, it exits with %d after %v", code, time.Since(at))
	}
	k.start()
	a := k.overAnalysis(begun.CanaryAnalysisExecutionID, 2*time.Minute)
	if a.Status != "succeeded" || len(a.Result.CanaryScores) != 1 {
		t.Errorf("got %+v", a)
	}
	if took := time.Since(at); took < time.Minute || took > 90*time.Second {
		t.Errorf("a minute took %v", took)
	}
}

// With configs and results in a bucket, another machine finds them; the secret is told to nobody.
func TestKayentaBucket(t *testing.T) {
	backend := s3mem.New()
	if err := backend.CreateBucket("canaries"); err != nil {
		t.Fatal(err)
	}
	bucket := httptest.NewServer(gofakes3.New(backend).Server())
	defer bucket.Close()
	prom := newHolding(t, 0, 0)
	const secret = "nobody-may-see-this"
	env := []string{"AWS_ACCESS_KEY_ID=KAYENTA", "AWS_SECRET_ACCESS_KEY=" + secret, "AWS_REGION=us-east-1"}
	flags := []string{"--prometheus", "prom=" + prom.URL, "--s3", "team=" + bucket.URL + "/canaries/deep/kayenta"}
	k := startKayenta(t, env, flags...)
	var saved struct{ CanaryConfigID string }
	k.call("POST", "/canaryConfig", kayentaConfig, &saved)
	var begun struct{ CanaryAnalysisExecutionID string }
	k.call("POST", "/standalone_canary_analysis", past(time.Now(), "canary"), &begun)
	a := k.overAnalysis(begun.CanaryAnalysisExecutionID, 20*time.Second)
	archive := "/canaryResultArchive/" + a.Result.Runs[0].ExecutionID
	eventually(t, 10*time.Second, "the archive is there", func() bool {
		resp, err := http.Get("http://" + k.listen + archive)
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	if _, err := backend.HeadObject("canaries", "deep/kayenta/canary_config/"+saved.CanaryConfigID+"/shop.json"); err != nil {
		t.Errorf("the config is not where Kayenta keeps it: %v", err)
	}
	other := startKayenta(t, env, flags...)
	var list []struct{ ID, Name string }
	if other.call("GET", "/canaryConfig?application=shop&configurationAccountName=team", "", &list); len(list) != 1 || list[0].ID != saved.CanaryConfigID {
		t.Errorf("listed %+v", list)
	}
	var run struct{ Complete bool }
	if other.call("GET", "/canary/"+a.Result.Runs[0].ExecutionID+"?storageAccountName=team", "", &run); !run.Complete {
		t.Errorf("another machine is told %+v", run)
	}
	if strings.Contains(k.log.String()+other.log.String(), secret) {
		t.Error("the secret stands in the log")
	}
}

// With the real Prometheus and two hours of history: a good canary, a bad one, and one whose series has a gap.
func TestKayentaWithPrometheus(t *testing.T) {
	now := time.Now()
	k := startKayenta(t, nil, "--prometheus", "prom="+historic(t, now))
	var names []struct{ Name string }
	if k.call("GET", "/metadata/metricsService?filter=lat", "", &names); len(names) != 1 || names[0].Name != "latency" {
		t.Errorf("names: %+v", names)
	}
	for experiment, want := range map[string]struct {
		status string
		scores int
	}{"good": {"succeeded", 3}, "gap": {"succeeded", 3}, "slow": {"terminal", 1}} {
		var begun struct{ CanaryAnalysisExecutionID string }
		k.call("POST", "/standalone_canary_analysis", past(now, experiment), &begun)
		a := k.overAnalysis(begun.CanaryAnalysisExecutionID, 30*time.Second)
		if a.Status != want.status || len(a.Result.CanaryScores) != want.scores || a.Exception != nil {
			t.Errorf("%s: got %+v %s", experiment, a, a.Exception)
		}
		if experiment == "gap" {
			k.gap(a.Result.Runs[2].ExecutionID)
		}
	}
}

// gap looks at the pair of a canary whose series misses ten minutes: they are NaN where they are missing.
func (k *kayentaProcess) gap(id string) {
	k.t.Helper()
	var c struct{ MetricSetPairListID string }
	k.call("GET", "/canary/"+id, "", &c)
	var pairs []struct {
		Values struct{ Control, Experiment []any }
	}
	k.call("GET", "/metricSetPairList/"+c.MetricSetPairListID, "", &pairs)
	control, experiment := pairs[0].Values.Control, pairs[0].Values.Experiment
	if len(control) != 241 || len(experiment) != 241 {
		k.t.Fatalf("%d values of the control, %d of the experiment", len(control), len(experiment))
	}
	missing := 0
	for i, v := range experiment {
		if v == "NaN" {
			missing++
			if i < 175 || i > 221 {
				k.t.Errorf("value %d is missing", i)
			}
		}
		if control[i] == "NaN" {
			k.t.Errorf("value %d of the control is missing", i)
		}
	}
	if missing < 15 { // Prometheus looks back five minutes
		k.t.Errorf("%d values are missing", missing)
	}
}

// historic starts Prometheus and tells it two hours of history: a value each 15 seconds.
func historic(t *testing.T, now time.Time) (url string) {
	t.Helper()
	prom := prometheustest.Start(t, "storage: {tsdb: {out_of_order_time_window: 3h}}\n", "--web.enable-otlp-receiver")
	history, err := json.Marshal(otlp(now))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(prom.URL+"/api/v1/otlp/v1/metrics", "application/json", bytes.NewReader(history))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode/100 != 2 {
		t.Fatalf("write history: %d %s (%v)", resp.StatusCode, text, err)
	}
	return prom.URL
}

// otlp is the history in the words of OpenTelemetry, which Prometheus takes in.
func otlp(now time.Time) any {
	type object = map[string]any
	var points []object
	start := now.Add(-2 * time.Hour).Truncate(time.Second)
	for i := range 120 * 4 {
		at := start.Add(time.Duration(i) * 15 * time.Second)
		for track, level := range map[string]float64{"baseline": 100, "good": 100, "gap": 100, "slow": 180} {
			if ago := now.Sub(at); track == "gap" && ago > 35*time.Minute && ago < 45*time.Minute {
				continue
			}
			points = append(points, object{
				"timeUnixNano": strconv.FormatInt(at.UnixNano(), 10), "asDouble": level + 3*math.Sin(float64(i)*1.3+level),
				"attributes": []object{{"key": "track", "value": object{"stringValue": track}}},
			})
		}
	}
	metric := object{"name": "latency", "gauge": object{"dataPoints": points}}
	return object{"resourceMetrics": []object{{"scopeMetrics": []object{{"metrics": []object{metric}}}}}}
}
