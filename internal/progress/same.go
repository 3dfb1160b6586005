package progress

import (
	"reflect"
	"time"
)

// Same reports whether two tellings differ in nothing but the passing of time, so that a watcher need not be told again.
func Same(a, b Release) bool { return reflect.DeepEqual(timeless(a), timeless(b)) }

// timeless drops what changes by itself: the time of the telling, and what is worked out from it.
func timeless(r Release) Release {
	r.At, r.Headline = time.Time{}, ""
	if r.Outlook != nil {
		r.Outlook = &Outlook{Plus: r.Outlook.Plus}
	}
	return r
}
