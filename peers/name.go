// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"strings"

	"github.com/meridian-gslb/meridian/gslb"
)

// name is a domain name as it stands on the wire: uncompressed, in lower case,
// with its root label. It compares with == and serves as a map key.
type name string

const root = name("\x00")

var (
	errName    = errors.New("broken domain name")
	errPointer = errors.New("compression pointer that does not lead backwards")
)

// wireName turns a name of the model, whose labels need no escapes, into wire
// form.
func wireName(n gslb.Name) name {
	var b strings.Builder
	for _, l := range n.Labels() {
		b.WriteByte(byte(len(l)))
		b.WriteString(l)
	}
	b.WriteByte(0)
	return name(b.String())
}

// cut takes the first label off; false for the root.
func (n name) cut() (label string, rest name, ok bool) {
	if len(n) < 2 {
		return "", "", false
	}
	l := int(n[0])
	return string(n[1 : 1+l]), n[1+l:], true
}

// underReport says whether a label of n is the one kept for reports.
func (n name) underReport() bool {
	for label, rest, ok := n.cut(); ok; label, rest, ok = rest.cut() {
		if label == gslb.ReportLabel {
			return true
		}
	}
	return false
}

// parseName reads a name at off, follows compression pointers strictly
// backwards (RFC 1035 §4.1.4), folds ASCII letters, and gives the offset behind
// the name.
func parseName(msg []byte, off int) (name, int, error) {
	var buf [255]byte
	n, next, limit := 0, -1, off
	for {
		if off >= len(msg) {
			return "", 0, errName
		}
		c := int(msg[off])
		switch c & 0xc0 {
		case 0x00:
			if off+1+c > len(msg) || n+1+c > len(buf) {
				return "", 0, errName
			}
			buf[n] = byte(c)
			for i, b := range msg[off+1 : off+1+c] {
				if b >= 'A' && b <= 'Z' {
					b += 'a' - 'A'
				}
				buf[n+1+i] = b
			}
			n += 1 + c
			off += 1 + c
			if c == 0 {
				if next < 0 {
					next = off
				}
				return name(buf[:n]), next, nil
			}
		case 0xc0:
			if off+2 > len(msg) {
				return "", 0, errName
			}
			if next < 0 {
				next = off + 2
			}
			to := (c&0x3f)<<8 | int(msg[off+1])
			if to >= limit {
				return "", 0, errPointer
			}
			off, limit = to, to
		default:
			return "", 0, errName
		}
	}
}

// labels of hosts are base32hex without padding, in lower case, as DNS folds
// case; 20 octets make 32 letters.
var hostLabels = base32.HexEncoding.WithPadding(base32.NoPadding)

// hostLabel gives the owner label of a host or a record within a report zone.
func hostLabel(n gslb.Name) string {
	sum := sha256.Sum256([]byte(n.String()))
	return strings.ToLower(hostLabels.EncodeToString(sum[:20]))
}
