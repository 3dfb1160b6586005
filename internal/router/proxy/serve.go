package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"
)

// An exchange is one request of a client on its way through the proxy.
type exchange struct {
	target  *target
	w       http.ResponseWriter
	r       *http.Request
	msg     *message
	way     way
	config  *config
	started bool // the final answer has begun
	last    error
}

// ServeHTTP answers one request of the target.
func (t *target) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{target: t, w: w, r: r, config: t.table.Load().config}
	defer x.contain()
	if !x.admit() {
		return
	}
	if body := x.msg.stream; body != nil {
		defer body.end()
	}
	x.deliver()
}

// contain turns a panic into an answer, or, where an answer has begun, into a broken one.
func (x *exchange) contain() {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
	x.target.log.Error("serve request", "target", x.target.name, "panic", p, "stack", string(debug.Stack()))
	if x.started {
		panic(http.ErrAbortHandler)
	}
	refuse(x.w, x.target.name, Internal, "a fault of the proxy")
}

// admit makes the message, or answers why there is none.
func (x *exchange) admit() bool {
	if len(x.r.TransferEncoding) > 0 {
		// Chunks may have come with a length as well, which net/http forgets, and who asked us may have believed the length:
		// what follows on this connection is not to be trusted (RFC 9112, section 6.1).
		x.w.Header().Set("Connection", "close")
	}
	if limit := x.config.Limits.BodyBytes; limit > 0 {
		if x.r.ContentLength > limit {
			x.refuse(TooLarge)
			return false
		}
		x.r.Body = http.MaxBytesReader(x.w, x.r.Body, limit)
	}
	msg, err := newMessage(x.r, x.config)
	if err != nil {
		refuse(x.w, x.target.name, Refused, err.Error())
		return false
	}
	if msg.stream != nil && msg.stream.length > 0 {
		msg.stream.hurry(http.NewResponseController(x.w), time.Duration(x.config.Timeouts.Body))
	}
	if err := msg.readSmall(); err != nil {
		refuse(x.w, x.target.name, Refused, err.Error())
		return false
	}
	if msg.stream != nil && x.r.ProtoMajor == 1 {
		// Else net/http would swallow the rest of the body as soon as an answer begins.
		if err := http.NewResponseController(x.w).EnableFullDuplex(); err != nil {
			x.target.log.Debug("answer while asked", "target", x.target.name, "error", err)
		}
	}
	if x.r.ProtoAtLeast(1, 1) {
		msg.inform = x.inform // HTTP/1.0 knows no 1xx
	}
	x.msg = msg
	return true
}

func (x *exchange) refuse(f Fault) { refuse(x.w, x.target.name, f, f.text()) }

// inform passes a 1xx answer on, with the header it came with.
func (x *exchange) inform(code int, informed http.Header) {
	h := x.w.Header()
	for name, values := range informed {
		h[name] = values
	}
	x.w.WriteHeader(code)
	for name := range informed {
		delete(h, name)
	}
}

// deliver sends the message to one instance after the other until one of them may have seen it, and waits with patience
// where there is none.
func (x *exchange) deliver() {
	var q queue
	defer q.leave(x.target)
	dice := roll()
	for first := true; ; first = false {
		tbl := x.target.table.Load()
		x.config = tbl.config
		x.way = tbl.choose(x.r, dice, x.msg.sender.secure)
		if first && tbl.mirror != nil {
			x.target.copy(tbl, x.msg, x.way.track)
		}
		if x.tryTrack(x.way.track) || x.tryTrack(x.way.spare) {
			return
		}
		if f := q.wait(x, tbl); f != "" {
			x.giveUp(f)
			return
		}
	}
}

// tryTrack tries as many instances as the track has. It is true when the request is done with, well or badly.
func (x *exchange) tryTrack(t *track) bool {
	if t == nil {
		return false
	}
	for range t.instances {
		in := t.pick(time.Now().UnixNano())
		if !in.enter() {
			return false // the table is old by now
		}
		if x.try(in) {
			return true
		}
	}
	return false
}

// try has one instance answer. It is false only when the instance has seen nothing of the request.
func (x *exchange) try(in *instance) (done bool) {
	defer in.leave()
	begun := time.Now()
	resp, err := in.send(x.msg)
	took := time.Since(begun)
	if err == nil {
		in.answered()
		x.answer(in, resp, took)
		return true
	}
	if x.r.Context().Err() != nil {
		in.tally.cancel(took)
		panic(http.ErrAbortHandler)
	}
	if failure := x.msg.stream.broken(); failure != nil {
		x.clientFailed(in, failure, took)
		return true
	}
	in.tally.add(took, true)
	if unsent(err) {
		in.refused(time.Now())
		x.last = err
		if x.msg.repeatable() {
			return false
		}
	}
	x.target.log.Debug("no answer", "target", x.target.name, "instance", in.name, "error", err)
	x.refuse(faultOf(err))
	return true
}

// clientFailed ends a request whose body could not be read to its end, which is not the instance's doing.
func (x *exchange) clientFailed(in *instance, failure error, took time.Duration) {
	in.tally.cancel(took)
	if tooLarge := new(http.MaxBytesError); errors.As(failure, &tooLarge) {
		x.refuse(TooLarge)
		return
	}
	refuse(x.w, x.target.name, Refused, "the body could not be read")
}

// giveUp answers a request that nobody could be found for.
func (x *exchange) giveUp(f Fault) {
	switch {
	case x.r.Context().Err() != nil:
		panic(http.ErrAbortHandler)
	case f == NoInstance && x.last != nil:
		x.refuse(Unreachable)
	case f == NoInstance:
		refuse(x.w, x.target.name, f, fmt.Sprintf("%s, waited %s", errNobody, time.Duration(x.config.Patience)))
	default:
		refuse(x.w, x.target.name, f, fmt.Sprintf("%s, and %d requests wait already", errNobody, x.config.Limits.Waiting))
	}
}

// send has the message carried in the way it needs.
func (in *instance) send(m *message) (*http.Response, error) {
	if m.stream == nil && m.upgrade == "" && in.url.Scheme == "http" && !m.grpc() {
		return in.wire.send(m)
	}
	return in.stock.send(m)
}

// A queue is where one request waits for an instance. Waiting ends early with a new table, and from time to time for
// another try of instances that refused.
type queue struct {
	waiting bool
	until   time.Time
	pause   time.Duration
}

// Pauses between two tries while all instances refuse connections.
const (
	pauseFirst = 25 * time.Millisecond
	pauseMost  = 400 * time.Millisecond
)

// wait returns the empty Fault when it is worth trying again.
func (q *queue) wait(x *exchange, tbl *table) Fault {
	select {
	case <-tbl.superseded:
		return ""
	default:
	}
	if f := q.join(x); f != "" {
		return f
	}
	left := time.Until(q.until)
	if left <= 0 {
		return NoInstance
	}
	pause := time.NewTimer(min(left, q.pause))
	defer pause.Stop()
	q.pause = min(2*q.pause, pauseMost)
	select {
	case <-tbl.superseded:
	case <-pause.C:
	case <-x.r.Context().Done():
		return NoInstance
	case <-x.target.stopped:
		return NoInstance
	}
	return ""
}

// join takes a place in the queue, once.
func (q *queue) join(x *exchange) Fault {
	if q.waiting {
		return ""
	}
	if x.target.waiting.Add(1) > int64(x.config.Limits.Waiting) {
		x.target.waiting.Add(-1)
		return Crowded
	}
	q.waiting, q.until, q.pause = true, time.Now().Add(time.Duration(x.config.Patience)), pauseFirst
	return ""
}

func (q *queue) leave(t *target) {
	if q.waiting {
		t.waiting.Add(-1)
	}
}
