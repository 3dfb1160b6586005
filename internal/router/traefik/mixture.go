package traefik

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"serin.dev/serin/internal/plan"
)

// A mixture is the traffic of a target in Traefik's words: the spec of the TraefikService that users come by, and of the one beside
// it where a mirror stands before shares, for one TraefikService cannot do both.
type mixture struct {
	entry  map[string]any
	beside map[string]any // nil: there is none
}

// sharesSuffix names the TraefikService beside.
const sharesSuffix = "-shares"

func besides(at types.NamespacedName) types.NamespacedName {
	return types.NamespacedName{Namespace: at.Namespace, Name: at.Name + sharesSuffix}
}

// mixture says the record's traffic. Only Services that get something are named: Traefik drops a TraefikService whole, with all
// its requests, when one of its Services is missing or has no pod, whatever its weight.
func (rec record) mixture(s Settings, at types.NamespacedName) mixture {
	shares := map[string]any{"weighted": rec.weighted(s)}
	m := rec.Traffic.Mirror
	if m == nil || m.Share == 0 {
		return mixture{entry: shares}
	}
	mirror := rec.service(s, m.Track)
	mirror["percent"] = int64(m.Share / percent)
	mirroring := map[string]any{"kind": kind, "name": besides(at).Name}
	var beside map[string]any
	if only := rec.Traffic.Shares.Tracks(); len(only) == 1 && rec.Traffic.Sticky == nil {
		mirroring = rec.service(s, only[0])
	} else {
		beside = shares
	}
	mirroring["maxBodySize"], mirroring["mirrors"] = *s.MaxBody, []any{mirror}
	return mixture{entry: map[string]any{"mirroring": mirroring}, beside: beside}
}

// weighted splits requests. Weights are relative: whole per cent where that is enough, else thousandths.
func (rec record) weighted(s Settings) map[string]any {
	unit := plan.Share(percent)
	for _, share := range rec.Traffic.Shares {
		if share%percent != 0 {
			unit = 1
		}
	}
	var all []any
	for _, track := range rec.Traffic.Shares.Tracks() {
		service := rec.service(s, track)
		service["weight"] = int64(rec.Traffic.Shares[track] / unit)
		all = append(all, service)
	}
	weighted := map[string]any{"services": all}
	if glue := rec.Traffic.Sticky; glue != nil {
		cookie := map[string]any{"name": rec.cookie(), "httpOnly": true}
		if glue.MaxAge > 0 {
			cookie["maxAge"] = int64((glue.MaxAge + time.Second - 1) / time.Second)
		}
		if s.Cookie.Secure {
			cookie["secure"] = true
		}
		if s.Cookie.SameSite != "" {
			cookie["sameSite"] = s.Cookie.SameSite
		}
		if s.Cookie.Domain != "" {
			cookie["domain"] = s.Cookie.Domain
		}
		weighted["sticky"] = map[string]any{"cookie": cookie}
	}
	return weighted
}

// percent is one per cent, as a share.
const percent = plan.Whole / 100

// service refers to the Service of a track.
func (rec record) service(s Settings, track plan.TrackName) map[string]any {
	ref := map[string]any{"kind": "Service", "name": rec.Services[track]}
	if rec.Port.Type == intstr.String {
		ref["port"] = rec.Port.StrVal
	} else {
		ref["port"] = int64(rec.Port.IntVal)
	}
	if s.Scheme != "" {
		ref["scheme"] = s.Scheme
	}
	if s.ServersTransport != "" {
		ref["serversTransport"] = s.ServersTransport
	}
	if s.NativeLB {
		ref["nativeLB"] = true
	}
	return ref
}

// tracks are those that the record sends requests or copies to.
func (rec record) tracks() []plan.TrackName {
	all := rec.Traffic.Shares.Tracks()
	if m := rec.Traffic.Mirror; m != nil && m.Share > 0 && !slices.Contains(all, m.Track) {
		all = append(all, m.Track)
	}
	return all
}

// said is the traffic that TraefikServices stand for, whoever wrote them: the order, where all of it stands. Where they say
// something that is none of the target's, the text says what.
func (rec record) said(entry, beside map[string]any) (plan.Traffic, string) {
	var t plan.Traffic
	foreign := ""
	switch {
	case object(entry, "weighted") != nil:
		t, foreign = rec.readWeighted(object(entry, "weighted"))
	case object(entry, "mirroring") != nil:
		t, foreign = rec.readMirroring(object(entry, "mirroring"), beside)
	default:
		foreign = "it neither splits nor mirrors"
	}
	if t.Shares == nil {
		t.Shares = plan.Shares{}
	}
	if foreign == "" && t.Equal(rec.Traffic) {
		return rec.Traffic.Clone(), ""
	}
	return t, foreign
}

func (rec record) readWeighted(weighted map[string]any) (plan.Traffic, string) {
	t := plan.Traffic{Shares: plan.Shares{}}
	weights, sum := map[plan.TrackName]int64{}, int64(0)
	list, _ := weighted["services"].([]any)
	for _, item := range list {
		ref, _ := item.(map[string]any)
		track, ok := rec.track(ref)
		if !ok {
			return t, fmt.Sprintf("it sends to %v, which is none of the target's Services", ref["name"])
		}
		w := int64(1)
		if given, ok := ref["weight"].(int64); ok {
			w = max(given, 0)
		}
		weights[track] += w
		sum += w
	}
	for track, w := range weights {
		t.Shares[track] = plan.Share((w*int64(plan.Whole) + sum/2) / max(sum, 1))
	}
	if glue := rec.Traffic.Sticky; glue != nil && object(weighted, "sticky", "cookie")["name"] == rec.cookie() {
		sticky := *glue
		t.Sticky = &sticky
	}
	return t, ""
}

func (rec record) readMirroring(mirroring, beside map[string]any) (plan.Traffic, string) {
	t, foreign := plan.Traffic{}, ""
	if mirroring["kind"] == kind {
		weighted := object(beside, "weighted")
		if weighted == nil {
			return t, fmt.Sprintf("it mirrors what comes to TraefikService %v, which does not split", mirroring["name"])
		}
		t, foreign = rec.readWeighted(weighted)
	} else if track, ok := rec.track(mirroring); ok {
		t.Shares = plan.Shares{track: plan.Whole}
	} else {
		foreign = fmt.Sprintf("it sends to %v, which is none of the target's Services", mirroring["name"])
	}
	list, _ := mirroring["mirrors"].([]any)
	for _, item := range list {
		ref, _ := item.(map[string]any)
		track, ok := rec.track(ref)
		if !ok || len(list) > 1 {
			return t, fmt.Sprintf("it mirrors to %v", ref["name"])
		}
		share, _ := ref["percent"].(int64)
		t.Mirror = &plan.Mirror{Track: track, Share: plan.Share(share) * percent}
	}
	return t, foreign
}

// track is the one that a reference stands for.
func (rec record) track(ref map[string]any) (plan.TrackName, bool) {
	if k, _ := ref["kind"].(string); k != "" && k != "Service" {
		return "", false
	}
	for track, service := range rec.Services {
		if service != "" && ref["name"] == service {
			return track, true
		}
	}
	return "", false
}

// object is a field of fields that is an object itself; nil where there is none.
func object(o map[string]any, path ...string) map[string]any {
	for _, field := range path {
		o, _ = o[field].(map[string]any)
	}
	return o
}
