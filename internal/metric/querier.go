package metric

import (
	"context"
	"encoding/json"
	"time"

	"serin.dev/serin/internal/judge"
)

// A Querier is a store that answers the users' own queries as well. It is safe for use by several goroutines.
type Querier interface {
	// Query asks once. An error says why there is no answer. It never waits longer than the context allows and never reads
	// without bound.
	Query(ctx context.Context, q QueryQuestion) (judge.Reading, error)
}

// A QueryQuestion is one query of a user, about a release under way.
type QueryQuestion struct {
	Target string
	Words  Words           // for the texts in With
	With   json.RawMessage // the query, decoded strictly by the store

	// From is when the analysis began, To is now: the window of queries that compare series. Both are of serin's own clock.
	From, To time.Time
	// At is the moment in the past that is asked about; zero: the present, by the store's own clock. Only stores that keep a past
	// can be asked so.
	At time.Time
}
