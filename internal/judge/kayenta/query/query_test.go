package query_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/judge/kayenta/query"
)

func scope(extended string) query.Scope {
	s := query.Scope{Scope: "app-v1", Location: "us-east1", Start: time.Unix(1_600_000_000, 0), End: time.Unix(1_600_003_600, 0), Step: time.Minute}
	if extended != "" {
		if err := json.Unmarshal([]byte(extended), &s.Extended); err != nil {
			panic(err)
		}
	}
	return s
}

// The other queries of the stores are in ../testdata/queries.json.
func TestQueries(t *testing.T) {
	for _, c := range []struct{ provider, query, extended, want string }{
		{"prometheus", `{"metricName":"m","resourceType":"gce_instance","groupByFields":["a","b"]}`, `{"project":"p"}`,
			`avg(m{instance=~"app-v1-.{4}",zone=~".+/projects/p/zones/us-east1-.{1}"}) by (a,b)`},
		{"prometheus", `{"metricName":"m","labelBindings":["x=\"1\""]}`, `{"resourceType":"aws_ec2_instance"}`,
			`avg(m{x="1",asg_groupName="app-v1",zone=~"us-east1.{1}"})`},
		{"prometheus", `{"metricName":"m","customInlineTemplate":"s=\"$\\{scope}\",l=\"${location}\",p=\"${part:-none}\",q=\"$${q}\","}`, `{"location":"eu"}`,
			`avg(m{s="app-v1",l="eu",p="none",q="${q}"})`},
		{"prometheus", `{"metricName":"m","customInlineTemplate":"a=${a}"}`, `{"a":"${b}-${b}","b":"c"}`, `avg(m{a=c-c})`},
		{"datadog", `{"metricName":"avg:cpu"}`, ``, `avg:cpu{app-v1}`},
		{"newrelic", `{"select":" count(*) FROM T","q":"x = 1"}`, `{"_scope_key":"version","b":"2","a":"1"}`,
			`SELECT count(*) FROM T TIMESERIES 60 seconds SINCE 1600000000 UNTIL 1600003600 WHERE x = 1 AND b LIKE '2' AND a LIKE '1' AND version LIKE 'app-v1'`},
		{"newrelic", `{"customInlineTemplate":"SELECT 1 SINCE ${startEpochSeconds} UNTIL ${endEpochSeconds} TIMESERIES ${step}"}`, ``,
			`SELECT 1 SINCE 1600000000 UNTIL 1600003600 TIMESERIES 60`},
		{"signalfx", `{"metricName":"m","aggregationMethod":"sum","queryPairs":[{"key":"!a","value":"x,y"}]}`, `{"_scope_key":"v","_location_key":"region","env":"p"}`,
			`data('m', filter=(not filter('a', 'x', 'y')) and filter('v', 'app-v1') and filter('region', 'us-east1') and filter('env', 'p')).sum(by=['env', 'region', 'v']).publish()`},
		{"graphite", `{"metricName":"a.$location.$scope.count"}`, ``, `a.us-east1.app-v1.count`},
		{"wavefront", `{"metricName":"m"}`, ``, `ts(m, app-v1)`},
		{"atlas", `{"q":"name,cpu,:eq"}`, ``, `name,cpu,:eq,:list,(,nf.cluster,app-v1,:eq,:cq,),:each`},
		{"atlas", `{"q":"name,cpu,:eq"}`, `{"type":"asg"}`, `name,cpu,:eq,:list,(,nf.asg,app-v1,:eq,:cq,),:each`},
		{"atlas", `{"q":"name,cpu,:eq"}`, `{"type":"query"}`, `name,cpu,:eq,:list,(,app-v1,:cq,),:each`},
		{"stackdriver", `{"metricType":"t","resourceType":"gce_instance"}`, `{"project":"p"}`,
			`metric.type="t" AND resource.type=gce_instance AND project=p AND metadata.user_labels."spinnaker-region"=us-east1 AND metadata.user_labels."spinnaker-server-group"=app-v1`},
		{"stackdriver", `{"metricType":"t"}`, `{"resourceType":"k8s_pod","project":"p","pod_name":"x","cluster_name":"c","user_labels.app":"shop"}`,
			`metric.type="t" AND resource.type=k8s_pod AND project=p AND resource.labels.cluster_name=c AND resource.labels.pod_name=x AND metadata.user_labels."app"="shop"`},
		{"stackdriver", `{"metricType":"t","resourceType":"anything","customFilterTemplate":"f"}`, ``,
			`metric.type="t" AND resource.type=anything AND resource.labels.version=app-v1`},
		{"stackdriver", `{"metricType":"t","resourceType":"global"}`, ``, `metric.type="t" AND resource.type=global`},
		{"stackdriver", `{"metricType":"t","resourceType":"aws_ec2_instance"}`, ``,
			`metric.type="t" AND resource.type=aws_ec2_instance AND resource.labels.region="aws:us-east1" AND metadata.user_labels."aws:autoscaling:groupname"=app-v1`},
		{"stackdriver", `{"metricType":"t","resourceType":"gae_app"}`, `{"project":"p","service":"s"}`,
			`metric.type="t" AND resource.type=gae_app AND project=p AND resource.labels.version_id=app-v1 AND resource.labels.module_id=s`},
	} {
		got, err := query.BuildQuery(c.provider, query.Request{
			Query: json.RawMessage(c.query), Templates: map[string]string{"f": "resource.labels.version=${scope}"}, Scope: scope(c.extended),
		})
		if err != nil || got != c.want {
			t.Errorf("%s %s:\ngot  %s, %v\nwant %s", c.provider, c.query, got, err, c.want)
		}
	}
}

func TestInfluxTemplate(t *testing.T) {
	s := scope("")
	s.Scope = "server:it's"
	got, err := query.BuildQuery("influxdb", query.Request{Scope: s, Query: json.RawMessage(
		`{"customInlineTemplate":"SELECT mean(x) FROM m WHERE ${timeFilter} AND $\\{scope} GROUP BY time(${step})"}`)})
	const want = `SELECT mean(x) FROM m WHERE time >= '2020-09-13T12:26:40Z' AND time < '2020-09-13T13:26:40Z' AND server = 'it\'s' GROUP BY time(60s)`
	if err != nil || got != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestQueriesThatCannotBeBuilt(t *testing.T) {
	for _, c := range []struct{ reason, provider, query, scope, want string }{
		{"an unknown store", "cloudwatch", `{}`, "a", `no metric store "cloudwatch"; there are atlas, datadog, graphite, influxdb, newrelic, prometheus, signalfx, stackdriver, wavefront`},
		{"a query of the wrong shape", "prometheus", `{"labelBindings":"a"}`, "a", "build prometheus query"},
		{"a name that is not bound", "prometheus", `{"metricName":"m","customInlineTemplate":"a=${b}"}`, "a", "${b} is not bound"},
		{"a scope that is not given", "datadog", `{"customInlineTemplate":"a{${scope}}"}`, "", "${scope} is not bound"},
		{"a template that is not there", "prometheus", `{"metricName":"m","customFilterTemplate":"x"}`, "a", `no template "x"`},
		{"a filter of old", "prometheus", `{"metricName":"m","customFilter":"x"}`, "a", "customFilter: was withdrawn"},
		{"no metric", "prometheus", `{"customInlineTemplate":"a=1"}`, "a", "metricName: is missing"},
		{"neither template nor type", "prometheus", `{"metricName":"m"}`, "a", "resourceType: is missing"},
		{"a type that needs a template", "prometheus", `{"metricName":"m","resourceType":"pod"}`, "a", `"pod" is known only with a template`},
		{"no key for the scope", "newrelic", `{"select":"x"}`, "a", "_scope_key: is missing"},
		{"no selection", "newrelic", `{}`, "a", "select: is missing"},
		{"no metric for signalfx", "signalfx", `{}`, "a", "metricName: is missing"},
		{"a scope without a name", "influxdb", `{"metricName":"m"}`, "a", `"a" is not name:value`},
		{"a scope of three parts", "influxdb", `{"metricName":"m"}`, "a:b:c", "is not name:value"},
		{"another statement", "influxdb", `{"customInlineTemplate":"DELETE FROM m WHERE ${timeFilter} AND ${scope}"}`, "a:b", "query type not allowed"},
		{"a list of databases", "influxdb", `{"customInlineTemplate":"SHOW DATABASES ${timeFilter} ${scope}"}`, "a:b", "query type not allowed"},
		{"a comment", "influxdb", `{"metricName":"m -- "}`, "a:b", "query type not allowed"},
		{"a second statement in the scope", "influxdb", `{"metricName":"m"}`, "a:b;c", "query type not allowed"},
		{"writing", "influxdb", `{"metricName":"m into n"}`, "a:b", "query type not allowed: INTO"},
		{"a template that asks for no scope", "influxdb", `{"customInlineTemplate":"SELECT x FROM m WHERE ${timeFilter}"}`, "a:b", "${scope} is required"},
		{"a template without a scope to give", "influxdb", `{"customInlineTemplate":"SELECT x FROM m WHERE ${timeFilter} AND ${scope}"}`, "", "scope: is missing"},
		{"no expression", "atlas", `{}`, "a", "q: is missing"},
		{"no type of metric", "stackdriver", `{}`, "a", "metricType: is missing"},
		{"no type of resource", "stackdriver", `{"metricType":"t"}`, "a", "resourceType: is missing"},
		{"a resource that needs a scope", "stackdriver", `{"metricType":"t","resourceType":"gae_app"}`, "", "scope: is missing"},
	} {
		s := scope("")
		s.Scope = c.scope
		_, err := query.BuildQuery(c.provider, query.Request{Query: json.RawMessage(c.query), Scope: s})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.reason, err, c.want)
		}
	}
}

func TestTemplatesThatNeverEnd(t *testing.T) {
	for reason, extended := range map[string]string{
		"contains itself": `{"a":"${b}","b":"${a}"}`,
		"more than 10000 names": `{"a":"${b}${b}${b}${b}${b}","b":"${c}${c}${c}${c}${c}","c":"${d}${d}${d}${d}${d}","d":"${e}${e}${e}${e}${e}",
			"e":"${f}${f}${f}${f}${f}","f":"${g}${g}${g}${g}${g}","g":""}`,
		"longer than": `{"a":"${b}${b}${b}${b}","b":"${c}${c}${c}${c}","c":"` + strings.Repeat("x", 1<<19) + `"}`,
	} {
		_, err := query.BuildQuery("datadog", query.Request{Query: json.RawMessage(`{"customInlineTemplate":"${a}"}`), Scope: scope(extended)})
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", reason, err)
		}
	}
}

func TestParamsKeepTheirOrder(t *testing.T) {
	var p query.Params
	const text = `{"z":"1","a":"2","n":"3","b":"true"}`
	if err := json.Unmarshal([]byte(`{"z":"1","a":"2","n":3,"none":null,"b":true}`), &p); err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(p); err != nil || string(got) != text || p.Get("n") != "3" {
		t.Errorf("got %s, %v", got, err)
	}
	for _, bad := range []string{`[]`, `"x"`, `{"a":{}}`, `{"a":[1]}`} {
		if err := json.Unmarshal([]byte(bad), &p); err == nil {
			t.Errorf("%s was read as %v", bad, p)
		}
	}
}
