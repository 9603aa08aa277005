// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// echo answers up to most questions of a connection with NOERROR, and then closes it;
// 0: it reads and answers none.
func echo(conn net.Conn, most int) {
	defer conn.Close()
	for n := 0; most == 0 || n < most; n++ {
		var head [2]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint16(head[:]))
		if _, err := io.ReadFull(conn, b); err != nil || most == 0 {
			continue
		}
		b[2] |= 0x80
		if _, err := conn.Write(append(head[:], b...)); err != nil {
			return
		}
	}
}

// server gives a stream to an echo, and counts connections.
func server(t *testing.T, most int) (*stream, *int) {
	var mu sync.Mutex
	dialled := 0
	s := newStream(func(context.Context) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		dialled++
		here, there := net.Pipe()
		go echo(there, most)
		return here, nil
	})
	t.Cleanup(s.close)
	return s, &dialled
}

func soa(t *testing.T) question {
	q, err := soaQuestion(cloud)
	require.NoError(t, err)
	return q
}

func TestAServerThatClosesConnectionsIsAskedOnANewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, dialled := server(t, 3)
		for range 10 {
			m, err := s.ask(t.Context(), soa(t))
			require.NoError(t, err)
			assert.Equal(t, dns.RcodeSuccess, m.Rcode)
			synctest.Wait()
		}
		assert.Equal(t, 4, *dialled)
	})
}

func TestManyQuestionsShareAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, dialled := server(t, 1000)
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				_, err := s.ask(t.Context(), soa(t))
				if !errors.Is(err, errBusy) { // the same random id
					assert.NoError(t, err)
				}
			})
		}
		wg.Wait()
		assert.Equal(t, 1, *dialled)
	})
}

func TestASilentConnectionIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, dialled := server(t, 0)
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := s.ask(ctx, soa(t))
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		assert.Equal(t, 2, *dialled, "the next question gets a new one")
	})
}

func TestDialsThatFailAreNotRepeatedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dialled := 0
		s := newStream(func(context.Context) (net.Conn, error) { dialled++; return nil, errors.New("refused") })
		for range 20 {
			_, err := s.ask(t.Context(), soa(t))
			var refused *dialError
			require.ErrorAs(t, err, &refused)
			time.Sleep(100 * time.Millisecond)
		}
		assert.Equal(t, 2, dialled, "once a second")
	})
}
