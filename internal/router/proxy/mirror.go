package proxy

import (
	"context"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"serin.dev/serin/internal/plan"
)

// maxMirrorAnswer is how much of an answer nobody waits for is read before its connection is given up.
const maxMirrorAnswer = 1 << 20

// copy sends a copy of the message to the mirror's track, for a share of the messages, and returns at once. Left out are
// messages that go there anyway, that change the protocol, whose body is long or of unknown length, and all that come while
// too many copies are under way: the copies may suffer, the originals may not.
func (t *target) copy(tbl *table, m *message, going *track) {
	if going == tbl.mirror.track || rand.IntN(int(plan.Whole)) >= tbl.mirror.share || m.upgrade != "" || m.grpc() {
		return
	}
	copied := *m
	copied.mirrored, copied.inform = true, nil
	if m.stream == nil {
		t.startCopy(tbl, &copied)
		return
	}
	if length := m.stream.length; length < 0 || length > tbl.config.Limits.MirrorBytes {
		t.leftOut.Add(1)
		return
	}
	m.stream.whole = func(body []byte) {
		copied.body, copied.stream = body, nil
		t.startCopy(tbl, &copied)
	}
}

func (t *target) startCopy(tbl *table, m *message) {
	if t.ctx.Err() != nil {
		return // closed; a body may be read to its end after its request was answered
	}
	if t.copies.Add(1) > int64(tbl.config.Limits.Mirrors) {
		t.copies.Add(-1)
		t.leftOut.Add(1)
		return
	}
	t.work.Go(func() {
		defer t.copies.Add(-1)
		defer func() {
			if p := recover(); p != nil {
				t.log.Error("mirror request", "target", t.name, "panic", p, "stack", string(debug.Stack()))
			}
		}()
		t.sendCopy(tbl, m)
	})
}

// sendCopy waits for the answer, counts it, and throws it away.
func (t *target) sendCopy(tbl *table, m *message) {
	in := tbl.mirror.track.pick(time.Now().UnixNano())
	if in == nil || !in.enter() {
		return
	}
	defer in.leave()
	ctx, cancel := context.WithTimeout(t.ctx, 2*in.response)
	defer cancel()
	m.ctx = ctx
	begun := time.Now()
	resp, err := in.send(m)
	took := time.Since(begun)
	if t.ctx.Err() != nil {
		return // we are closing; it is not the instance's fault
	}
	if err != nil {
		if unsent(err) {
			in.refused(time.Now())
		}
		in.tally.add(took, true)
		return
	}
	defer resp.Body.Close()
	in.answered()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, maxMirrorAnswer))
	in.tally.add(took, resp.StatusCode >= 500 || (err != nil && ctx.Err() == nil))
}
