// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"strings"

	"github.com/meridian-gslb/meridian/gslb"
)

// MaxName is the longest name on the wire in octets, lengths and root included
// (RFC 1035 §2.3.4).
const MaxName = 255

// wireName gives a name in wire form: length octets, lower-case labels, root.
// It is the key under which the index holds the name.
func wireName(n gslb.Name) string {
	var b strings.Builder
	for _, label := range n.Labels() {
		b.WriteByte(byte(len(label)))
		b.WriteString(label)
	}
	b.WriteByte(0)
	return b.String()
}

// textName gives a wire name as gslb writes it; the zero Name for the root and
// for names that gslb does not know.
func textName(wire string) gslb.Name {
	var labels []string
	for len(wire) > 1 {
		labels = append(labels, wire[1:1+wire[0]])
		wire = parentOf(wire)
	}
	n, err := gslb.ParseName(strings.Join(labels, "."))
	if err != nil {
		return gslb.Name{}
	}
	return n
}

// parentOf gives a wire name without its leftmost label. The root has none.
func parentOf(wire string) string { return wire[1+int(wire[0]):] }
