package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/template"
)

// A Table is what the page shows.
type Table struct {
	Machine, Beside string
	Window          string
	Rows            []Row
	Steps           []StepRow
	Notes           []string
	Bars            []string // what serin promises, and whether it was kept
}

// A Row is one tool in one state.
type Row struct {
	Applications, Tool, State                           string
	Memory, Peak, Cores, Reads, Writes, Watches, Server string
	Ratios                                              string
}

// A StepRow is what a tool wrote for one change of weight.
type StepRow struct {
	Tool, Writes, What string
	Active, Number     int
}

const page = `# Scale

Made by ` + "`make bench-scale`" + `: [e2e/scale](../e2e/scale) brings up a real etcd, kube-apiserver and kube-controller-manager 1.36 for each tool, one
after another, makes the same number of applications in it (one replica each), starts the tool as a process with the settings its makers ship
and a service account of its own, waits until all its releases are over and for a minute and a half more, and measures for {{.Window}}: *at rest*.
Then some of the applications get a new revision at the same time, whose steps of 10 % take a minute each, and it measures again: *at work*.
Requests are counted from the API server's audit log; starting a watch is one request.

Machine: {{.Machine}}. Beside it ran: {{.Beside}}. So times are noisy: read the ratios, and those of memory and requests before those of processor time.

| applications | tool | state | memory MiB (peak) | processor, cores | reads/s | writes/s | watches begun/s | API server, cores | memory, processor, requests to serin |
|---|---|---|---|---|---|---|---|---|---|
{{range .Rows}}| {{.Applications}} | {{.Tool}} | {{.State}} | {{.Memory}} ({{.Peak}}) | {{.Cores}} | {{.Reads}} | {{.Writes}} | {{.Watches}} | {{.Server}} | {{.Ratios}} |
{{end}}
{{range .Notes}}- {{.}}
{{end}}
## serin's own bars

{{range .Bars}}- {{.}}
{{end}}
## Writes per step

From one change of an application's route to the next, as the audit log has them: the change itself and everything the tool wrote for that application
until the next one.

| tool | releases | steps seen | writes per step | of these |
|---|---|---|---|---|
{{range .Steps}}| {{.Tool}} | {{.Active}} | {{.Number}} | {{.Writes}} | {{.What}} |
{{end}}
## What this does not say

- Pods and gateways are stand-ins. A pod is ready at once and answers with metrics that grow by 10 requests per second and never fail; a route is taken up at
  once. Nothing of this is in the figures of the tools, but the API server's column serves the stand-ins too.
- serin scrapes the pods of both tracks every 5 seconds and judges them. Flagger and Argo Rollouts judge nothing here: they have no metrics
  without a Prometheus. So serin does more.
- serin and Flagger move HTTPRoutes. Argo Rollouts needs a plugin for these and moves Istio VirtualServices, which it can by itself. Flagger looks at each
  Canary once in its interval, here a minute; a smaller one costs it in proportion.
- Flagger may ask 500 times a second: with its own limit of 100 and its leader election on, it lost its lease among 1,000 Canaries and ended itself.
  Argo Rollouts keeps its limit of 40, and serin has none of its own.
- What says *settling* was still initializing its applications when its time was up: that is no reading of idleness, and has no ratios.
- Each tool has all rights and one process; serin and Argo Rollouts renew a lease. One run each.
`

// report writes the page from the readings there are.
func report(b benchmark) error {
	t := Table{Machine: fmt.Sprintf("%d processors, %s", runtime.NumCPU(), runtime.Version()), Beside: b.beside, Window: fmt.Sprintf("%.0f s", b.window.Seconds())}
	files, err := filepath.Glob(filepath.Join(b.readings, "*.json"))
	if err != nil {
		return err
	}
	results := map[string]Result{}
	for _, f := range files {
		r, err := readResult(f)
		if err != nil {
			return err
		}
		results[fmt.Sprintf("%05d %s", r.Idle, r.Tool)] = r
	}
	order := names()
	keys := slices.SortedFunc(maps.Keys(results), func(a, b string) int {
		x, y := results[a], results[b]
		return cmp.Or(cmp.Compare(x.Idle, y.Idle), cmp.Compare(slices.Index(order, x.Tool), slices.Index(order, y.Tool)))
	})
	for _, key := range keys {
		t.add(results[key], results[fmt.Sprintf("%05d serin", results[key].Idle)])
	}
	t.bars(results)
	var out bytes.Buffer
	if err := template.Must(template.New("page").Parse(page)).Execute(&out, t); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(b.out), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.WriteFile(b.out, out.Bytes(), 0o644)
}

func (t *Table) add(r, serin Result) {
	row := func(state string, m, of Reading, compared bool) {
		if m.Seconds == 0 {
			return
		}
		reads, writes, watches := m.rates()
		row := Row{
			Applications: fmt.Sprint(r.Idle), Tool: r.Title, State: state, Memory: fmt.Sprintf("%.0f", m.RSS), Peak: fmt.Sprintf("%.0f", m.Peak),
			Cores: fmt.Sprintf("%.3f", m.CPU/m.Seconds), Reads: fmt.Sprintf("%.2f", reads), Writes: fmt.Sprintf("%.2f", writes),
			Watches: fmt.Sprintf("%.2f", watches), Server: fmt.Sprintf("%.3f", m.Server/m.Seconds), Ratios: "-",
		}
		if of.Seconds > 0 && r.Tool != serin.Tool && compared {
			row.Ratios = fmt.Sprintf("%s, %s, %s", ratio(m.RSS, of.RSS), ratio(m.CPU/m.Seconds, of.CPU/of.Seconds),
				ratio(float64(sum(m.Requests))/m.Seconds, float64(sum(of.Requests))/of.Seconds))
		}
		t.Rows = append(t.Rows, row)
	}
	rest, rests := "at rest", r.Settled*100 >= r.Idle*99
	if !rests {
		rest = fmt.Sprintf("settling, %d at rest", r.Settled)
	}
	row(rest, r.AtRest, serin.AtRest, rests)
	row(fmt.Sprintf("%d at work", r.Active), r.AtWork, serin.AtWork, true)
	t.Notes = append(t.Notes, fmt.Sprintf("%s, %d applications: %d at rest %.0f s after its start; %d releases under way when the measurement at work began, %d at its end.",
		r.Title, r.Idle, r.Settled, r.Start, r.Began, sum(r.Moves)))
	if s := r.AtWork.Steps; s != nil && s.Number > 0 {
		var what []string
		for _, w := range slices.SortedFunc(maps.Keys(s.Writes), func(a, b string) int { return cmp.Compare(s.Writes[b], s.Writes[a]) }) {
			what = append(what, fmt.Sprintf("%s %.2f", w, float64(s.Writes[w])/float64(s.Number)))
		}
		t.Steps = append(t.Steps, StepRow{r.Title, fmt.Sprintf("%.2f", float64(sum(s.Writes))/float64(s.Number)), strings.Join(what, ", "), r.Active, s.Number})
	}
}

// bars compares serin with what it promises.
func (t *Table) bars(results map[string]Result) {
	const idle, active = 10000, 500
	bar := fmt.Sprintf("%d idle and %d active Canaries on 1 core and 500 MB: ", idle, active)
	if r, ok := results[fmt.Sprintf("%05d serin", idle)]; ok && r.Active == active && r.AtWork.Seconds > 0 {
		bar += fmt.Sprintf("%.2f cores and %.0f MB at most.", r.AtWork.CPU/r.AtWork.Seconds, max(r.AtRest.Peak, r.AtWork.Peak)*(1<<20)/1e6)
	} else {
		bar += "not measured in this run."
	}
	t.Bars = append(t.Bars, bar)
	for _, r := range results {
		s := r.AtWork.Steps
		if r.Tool != "serin" || s == nil || s.Number == 0 {
			continue
		}
		events := s.Writes["create events"] + s.Writes["patch events"]
		t.Bars = append(t.Bars, fmt.Sprintf("At most 2 writes per step, of the route and the status: %.2f with %d active, and %.2f of events, which are for people.",
			float64(sum(s.Writes)-events)/float64(s.Number), r.Active, float64(events)/float64(s.Number)))
	}
}

// rates are requests per second.
func (m Reading) rates() (reads, changes, watches float64) {
	for what, n := range m.Requests {
		perSecond := float64(n) / m.Seconds
		switch {
		case strings.HasPrefix(what, "watch "):
			watches += perSecond
		case writes(what):
			changes += perSecond
		default:
			reads += perSecond
		}
	}
	return reads, changes, watches
}

func ratio(a, of float64) string {
	if of == 0 {
		return "serin: 0"
	}
	return fmt.Sprintf("%.1fx", a/of)
}
