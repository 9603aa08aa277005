// SPDX-License-Identifier: Apache-2.0

package rfc2136

import (
	"errors"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestWordsAreTheSameAtEveryAttempt: what is said of a server that hangs goes into status,
// and a quiet system writes none.
func TestWordsAreTheSameAtEveryAttempt(t *testing.T) {
	hangs := func(port int) error {
		return errors.Join(errConnection, &net.OpError{
			Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded,
			Source: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 9), Port: port}, Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 53), Port: 53},
		})
	}
	lookup := func(port int) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{
			Name: "ns.example", Server: "192.0.2.10:53", IsTimeout: true,
			Err: fmt.Sprintf("read udp 192.0.2.9:%d->192.0.2.10:53: i/o timeout", port),
		}}
	}
	for _, c := range []struct {
		why           string
		first, second error
		want          string
	}{
		{"a server that hangs", hangs(40001), hangs(40002), "read: i/o timeout"},
		{"a resolver that hangs", lookup(40001), lookup(40002), "looking up ns.example: the resolver does not answer"},
		{"a name that is not there", &net.DNSError{Name: "ns.example", IsNotFound: true}, &net.DNSError{Name: "ns.example", IsNotFound: true}, "looking up ns.example: no such host"},
		{"another error stays", errMismatch, errMismatch, errMismatch.Error()},
	} {
		assert.EqualError(t, steady(c.first), c.want, c.why)
		assert.EqualError(t, steady(c.second), c.want, c.why)
		assert.ErrorIs(t, steady(c.first), c.first, c.why)
	}
	assert.ErrorIs(t, steady(hangs(1)), errConnection)
}
