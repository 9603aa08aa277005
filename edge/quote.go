// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"errors"
	"fmt"
	"strings"
)

// unquote reads a sequence of quoted character-strings (RFC 1035 §5.1).
func unquote(data string) ([]string, error) {
	if len(data) > maxHeartbeatText {
		return nil, fmt.Errorf("%d octets of text are too long", len(data))
	}
	var out []string
	for rest := strings.TrimLeft(data, " "); rest != ""; rest = strings.TrimLeft(rest, " ") {
		s, tail, err := unquoteOne(rest)
		if err != nil {
			return nil, err
		}
		if len(out) == maxHeartbeatStrings {
			return nil, fmt.Errorf("there are more than %d strings", maxHeartbeatStrings)
		}
		out, rest = append(out, s), tail
	}
	return out, nil
}

// unquoteOne reads one quoted string at the start of s and gives what follows.
func unquoteOne(s string) (text, rest string, err error) {
	if s[0] != '"' {
		return "", "", errors.New("a string is not in quotes")
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			if b.Len() > maxHeartbeatString {
				return "", "", fmt.Errorf("a string has more than %d octets", maxHeartbeatString)
			}
			return b.String(), s[i+1:], nil
		case '\\':
			c, n, ok := escaped(s[i+1:])
			if !ok {
				return "", "", errors.New(`an escape is neither \DDD nor \X`)
			}
			b.WriteByte(c)
			i += n
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", errors.New("a quote is not closed")
}

// escaped reads what follows a backslash: three digits or one other octet.
func escaped(s string) (c byte, n int, ok bool) {
	if s == "" {
		return 0, 0, false
	}
	if s[0] < '0' || s[0] > '9' {
		return s[0], 1, true
	}
	if len(s) < 3 {
		return 0, 0, false
	}
	v := 0
	for i := range 3 {
		if s[i] < '0' || s[i] > '9' {
			return 0, 0, false
		}
		v = v*10 + int(s[i]-'0')
	}
	return byte(v), 3, v <= 255
}
