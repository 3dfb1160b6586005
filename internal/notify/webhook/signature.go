package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// SignatureHeader carries the signature of a message.
const SignatureHeader = "Serin-Signature"

func sign(key []byte, at time.Time, body []byte) string {
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(sum(key, strconv.FormatInt(at.Unix(), 10), body)))
}

func sum(key []byte, seconds string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(seconds + "."))
	mac.Write(body)
	return mac.Sum(nil)
}

// Verify checks a signature the way a receiver should: the body is unchanged, signed with the key, and sent no more
// than tolerance before or after now.
func Verify(key []byte, header string, body []byte, now time.Time, tolerance time.Duration) error {
	var seconds string
	var given []byte
	for _, part := range strings.Split(header, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "t":
			seconds = value
		case "v1":
			given, _ = hex.DecodeString(value)
		}
	}
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return errors.New("verify signature: no time")
	}
	if !hmac.Equal(given, sum(key, seconds, body)) {
		return errors.New("verify signature: does not fit")
	}
	if age := now.Sub(time.Unix(at, 0)).Abs(); age > tolerance {
		return fmt.Errorf("verify signature: sent %s ago", age)
	}
	return nil
}
