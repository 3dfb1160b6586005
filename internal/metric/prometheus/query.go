package prometheus

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Kinds of numbers in an answer, by the label "serin".
const (
	kindLabel = "serin"
	isBucket  = "bucket"
	isRequest = "request"
	isFailure = "failure"
	isUp      = "up"
	isNative  = "native"        // a native histogram of all requests,
	isFailed  = "native failed" // and of those that failed
)

// patternLimit bounds the expression of names in one query, in bytes; servers and proxies refuse queries that are very long.
const patternLimit = 4 << 10

// A term is one selection of series, by the labels that name an instance.
type term struct {
	kind, function string
	from           Selector
}

func (r *rulebook) terms() []term {
	terms := []term{{isRequest, "sum", r.requests}, {isFailure, "sum", r.failures}}
	if r.buckets.Metric != "" {
		terms = append(terms, term{isBucket, "sum", r.buckets})
	}
	if r.native.Metric != "" {
		terms = append(terms, term{isNative, "sum", r.native})
	}
	if r.nativeFailed.Metric != "" {
		terms = append(terms, term{isFailed, "sum", r.nativeFailed})
	}
	return terms
}

// byPod asks for the counters of pods, and which of them are scraped at all.
func (r *rulebook) byPod(namespace string, pods []string) string {
	return r.byPodLike(namespace, alternatives(pods))
}

// byPodLike asks for those of pods whose names match an expression.
func (r *rulebook) byPodLike(namespace, names string) string {
	by := r.Labels.Pod
	group := []string{r.Labels.Pod, r.Labels.Instance}
	if namespace == "" {
		by, group = r.Labels.Instance, group[1:]
	}
	where := append(r.inNamespace(namespace), matcher(by, "=~", names))
	var parts []string
	for _, t := range append(r.terms(), term{isUp, "max", Selector{Metric: "up"}}) {
		parts = append(parts, t.query(group, where))
	}
	return strings.Join(parts, " or ")
}

// byService asks for the counters of Services at one place.
func (r *rulebook) byService(p place, namespace string, services []string) string {
	var patterns []string
	for _, s := range services {
		patterns = append(patterns, p.pattern(namespace, s))
	}
	where := append(r.inNamespace(namespace), matcher(p.label, "=~", strings.Join(patterns, "|")))
	where = append(where, p.matcher...)
	var parts []string
	for _, t := range r.terms() {
		parts = append(parts, t.query([]string{p.label}, where))
	}
	return strings.Join(parts, " or ")
}

func (r *rulebook) inNamespace(namespace string) []string {
	if namespace == "" || r.Labels.Namespace == "-" {
		return nil
	}
	return []string{matcher(r.Labels.Namespace, "=", namespace)}
}

// query writes one term. The label tells it apart from the others that `or` joins.
func (t term) query(group, where []string) string {
	if t.kind == isBucket {
		group = append(slices.Clone(group), "le")
	}
	return fmt.Sprintf(`label_replace(%s by (%s) (%s{%s}), "%s", "%s", "%s", ".*")`,
		t.function, strings.Join(group, ", "), t.from.Metric, strings.Join(append(t.from.matchers(), where...), ","), kindLabel, t.kind, kindLabel)
}

func (sel Selector) matchers() []string {
	var all []string
	for _, kind := range []struct {
		operator string
		labels   map[string]string
	}{{"=", sel.Labels}, {"=~", sel.Match}, {"!~", sel.Except}} {
		for _, label := range slices.Sorted(maps.Keys(kind.labels)) {
			all = append(all, matcher(label, kind.operator, kind.labels[label]))
		}
	}
	return all
}

// matcher writes one. PromQL's strings are Go's, so nothing in a value can end the string.
func matcher(label, operator, value string) string { return label + operator + strconv.Quote(value) }

func alternatives(names []string) string {
	var quoted []string
	for _, n := range names {
		quoted = append(quoted, regexp.QuoteMeta(n))
	}
	return strings.Join(quoted, "|")
}

// inParts cuts names into parts that fit into one query each.
func inParts(names []string) [][]string {
	var all [][]string
	size := 0
	for _, n := range names {
		if len(all) == 0 || size+len(n) > patternLimit {
			all, size = append(all, nil), 0
		}
		all[len(all)-1] = append(all[len(all)-1], n)
		size += len(n) + 1
	}
	return all
}
