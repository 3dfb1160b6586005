// Package webhook is the notifier that posts messages as JSON (notify.Message) to a URL of the user's.
//
// Headers: Idempotency-Key is the message's key, the same when a message has to be repeated. With a key, Serin-Signature
// is "t=SECONDS,v1=HEX": v1 is the HMAC-SHA256 (RFC 2104) of the time, a dot and the body, and t the Unix time of sending; a
// receiver compares both and refuses what is old (Verify does so). The key is read from its file or variable each time, so it
// can be changed without a restart.
//
// A message has arrived when the answer is 2xx. Redirects are followed on the same host alone, and only those that keep the
// method (307, 308). Of the answer at most 64 KiB are read, and none of it is repeated: errors name scheme and host of
// the URL and the status, for a URL's path, headers and the answer may hold secrets.
package webhook
