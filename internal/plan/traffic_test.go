package plan

import (
	"slices"
	"testing"
)

func TestCheckTraffic(t *testing.T) {
	for why, c := range map[string]struct {
		traffic Traffic
		shares  bool // are fine
		route   bool // is possible
	}{
		"one whole":        {Traffic{Shares: Shares{Stable: 900, Canary: 100}}, true, true},
		"nobody":           {Traffic{}, true, false},
		"nobody, said so":  {Traffic{Shares: Shares{Stable: 0}}, true, false},
		"too little":       {Traffic{Shares: Shares{Stable: 900, Canary: 99}}, false, false},
		"too much":         {Traffic{Shares: Shares{Stable: 900, Canary: 101}}, false, false},
		"negative":         {Traffic{Shares: Shares{Stable: 1100, Canary: -100}}, false, false},
		"a mirror":         {Traffic{Shares: Shares{Stable: 1000}, Mirror: &Mirror{Canary, 1000}}, true, true},
		"more than copies": {Traffic{Shares: Shares{Stable: 1000}, Mirror: &Mirror{Canary, 1001}}, true, false},
		"negative copies":  {Traffic{Shares: Shares{Stable: 1000}, Mirror: &Mirror{Canary, -1}}, true, false},
	} {
		if err := c.traffic.Shares.Check(); (err == nil) != c.shares {
			t.Errorf("%s: shares: %v", why, err)
		}
		if err := c.traffic.Check(); (err == nil) != c.route {
			t.Errorf("%s: traffic: %v", why, err)
		}
	}
}

func TestTracksOfTraffic(t *testing.T) {
	for why, c := range map[string]struct {
		traffic Traffic
		want    []TrackName
	}{
		"stable alone":         {Traffic{Shares: Shares{Stable: 1000}}, []TrackName{Stable}},
		"stable takes it back": {Traffic{Shares: Shares{Canary: 1000}}, []TrackName{Stable, Canary}},
		"a share of nothing":   {Traffic{Shares: Shares{Stable: 1000, Canary: 0}}, []TrackName{Stable}},
		"matched":              {Traffic{Shares: Shares{Stable: 1000}, Matches: []Match{{Track: Canary}, {Track: Canary}}}, []TrackName{Stable, Canary}},
		"copied":               {Traffic{Shares: Shares{Stable: 500, "a": 500}, Mirror: &Mirror{Track: Canary, Share: 1}}, []TrackName{Stable, "a", Canary}},
	} {
		if got := c.traffic.Tracks(); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", why, got, c.want)
		}
	}
}
