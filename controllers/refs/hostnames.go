// SPDX-License-Identifier: Apache-2.0

package refs

import "strings"

// named is a host name and the field that it stands in.
type named struct{ name, path string }

// intersect gives the names that both a route and a listener mean; false if there are
// none. A wildcard means every name below it, however many labels it has more, as the
// Gateway API says. An empty name, or a star alone, means all.
//
//	one           | the other     | both
//	any           | "" or *       | the one
//	a.example.com | a.example.com | a.example.com
//	a.example.com | *.example.com | a.example.com
//	*.a.ex.com    | *.ex.com      | *.a.ex.com
//	a.example.com | b.example.com | none
func intersect(a, b string) (string, bool) {
	a, b = strings.ToLower(a), strings.ToLower(b)
	switch {
	case b == "" || b == "*":
		return a, true
	case a == "" || a == "*":
		return b, true
	case a == b, below(a, b):
		return a, true
	case below(b, a):
		return b, true
	}
	return "", false
}

// below reports that a name, or a wildcard, lies below a wildcard.
func below(name, wildcard string) bool {
	suffix, is := strings.CutPrefix(wildcard, "*")
	return is && strings.HasSuffix(strings.TrimPrefix(name, "*"), suffix) && len(strings.TrimPrefix(name, "*")) > len(suffix)
}
