// SPDX-License-Identifier: Apache-2.0

package tsig_test

import (
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// capture is a provider that keeps what the library would sign.
type capture struct{ digest []byte }

func (c *capture) Generate(msg []byte, _ *dns.TSIG) ([]byte, error) {
	c.digest = append([]byte(nil), msg...)
	return []byte{1}, nil
}

func (c *capture) Verify([]byte, *dns.TSIG) error { return dns.ErrSig }

// digestOf gives what the library signs for a message with such a TSIG.
func digestOf(t *testing.T, plain []byte, ts *dns.TSIG, prior string, timersOnly bool) []byte {
	t.Helper()
	m := new(dns.Msg)
	require.NoError(t, m.Unpack(plain))
	c := &capture{}
	ts = dns.Copy(ts).(*dns.TSIG)
	m.Extra = append(m.Extra, ts)
	_, _, err := dns.TsigGenerateWithProvider(m, c, prior, timersOnly)
	require.NoError(t, err)
	require.Equal(t, binary.BigEndian.Uint16(plain), m.Id)
	return c.digest
}

func digestByLibrary(t *testing.T, plain []byte, ts *dns.TSIG, prior string) []byte {
	t.Helper()
	return digestOf(t, plain, ts, prior, false)
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }
