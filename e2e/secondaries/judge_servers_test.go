// SPDX-License-Identifier: Apache-2.0

//go:build e2e

// Package secondaries_test holds Meridian against other servers: BIND, Knot DNS
// and NSD as primaries of the same zones, and as secondaries of ours.
package secondaries_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/internal/authtest"
	"github.com/meridian-gslb/meridian/internal/bindtest"
)

// elsewhere is a zone of other servers.
const elsewhere = `
$TTL 300
@ SOA ns hostmaster 7 3600 600 604800 30
@ NS ns
ns A 127.0.0.1
_x A 192.0.2.1
`

// Each server loads a zone, and each takes it from each other.
func TestTheOtherServersTransferFromEachOther(t *testing.T) {
	for _, primary := range authtest.All() {
		t.Run(string(primary), func(t *testing.T) {
			p := authtest.Start(t, primary, authtest.Zone{Name: "a.test", Text: elsewhere}, authtest.Zone{Name: "b.test.", Text: strings.ReplaceAll(elsewhere, " 7 ", " 9 ")})
			for _, secondary := range authtest.All() {
				t.Run(string(secondary), func(t *testing.T) {
					s := authtest.Start(t, secondary,
						authtest.Zone{Name: "a.test", Primary: p.Addr},
						authtest.Zone{Name: "b.test", Primary: p.Addr, Key: authtest.Key{Name: "unknown", Secret: bytes.Repeat([]byte("s"), 32)}})
					s.WaitSerial("a.test", 7)
					out := bindtest.Dig(t, "@"+s.Addr.Addr().String(), "-p", strings.Split(s.Addr.String(), ":")[1], "_x.a.test", "A", "+norec")
					assert.Contains(t, out, "192.0.2.1")
				})
			}
		})
	}
}
