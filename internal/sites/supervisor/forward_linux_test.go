// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// here dials from this process, as if it were the site.
func here(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

func off(context.Context, string, string) (net.Conn, error) { return nil, errOff }

// echoTCP answers with what it was sent, after the sender has finished.
func echoTCP(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if said, err := io.ReadAll(conn); err == nil {
					_, _ = conn.Write(said)
				}
			}()
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String())
}

func TestForwardTCP(t *testing.T) {
	f, err := forwardTCP("test", loopback, echoTCP(t), here)
	require.NoError(t, err)
	t.Cleanup(f.close)
	conn, err := net.Dial("tcp", f.listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "hello")
	require.NoError(t, err)
	tcp, ok := conn.(*net.TCPConn)
	require.True(t, ok)
	require.NoError(t, tcp.CloseWrite())
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.Equal(t, "hello", string(answer), "the end of one direction is passed on, and the other stays open")
}

func TestForwardTCPToASiteThatIsOff(t *testing.T) {
	f, err := forwardTCP("test", loopback, loopback, off)
	require.NoError(t, err)
	t.Cleanup(f.close)
	conn, err := net.Dial("tcp", f.listener.Addr().String())
	if err == nil { // the reset may come before or after
		defer conn.Close()
		_, err = io.ReadAll(conn)
	}
	assert.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED), "%v", err)
}

func TestCutEndsConnections(t *testing.T) {
	f, err := forwardTCP("test", loopback, echoTCP(t), here)
	require.NoError(t, err)
	t.Cleanup(f.close)
	conn, err := net.Dial("tcp", f.listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.Eventually(t, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.conns) == 2
	}, time.Minute, time.Millisecond)
	f.cut()
	_, err = io.ReadAll(conn)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	again, err := net.Dial("tcp", f.listener.Addr().String())
	require.NoError(t, err, "it listens on")
	_ = again.Close()
}

func TestForwardUDP(t *testing.T) {
	target, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = target.Close() })
	go func() {
		buffer := make([]byte, 100)
		for {
			n, from, err := target.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = target.WriteTo(append([]byte("re: "), buffer[:n]...), from)
		}
	}()
	f, err := forwardUDP("test", loopback, netip.MustParseAddrPort(target.LocalAddr().String()), here)
	require.NoError(t, err)
	t.Cleanup(f.close)
	ask := func(what string) string {
		conn, err := net.Dial("udp", f.socket.LocalAddr().String())
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, what)
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
		buffer := make([]byte, 100)
		n, err := conn.Read(buffer)
		require.NoError(t, err)
		return string(buffer[:n])
	}
	assert.Equal(t, "re: one", ask("one"))
	assert.Equal(t, "re: two", ask("two"), "each client has its own answers")
	f.cut()
	assert.Equal(t, "re: three", ask("three"))
	for range 2 * sessionLimit {
		require.Equal(t, "re: more", ask("more"), "the client that was silent longest makes room")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	assert.LessOrEqual(t, len(f.sessions), sessionLimit)
	assert.Equal(t, len(f.sessions), f.order.Len())
}

func TestAPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	at := netip.MustParseAddrPort(l.Addr().String())
	_, err = forwardTCP("publication x", at, at, here)
	require.ErrorContains(t, err, "publication x: TCP "+at.String()+" of this machine is already in use")
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = socket.Close() })
	at = netip.MustParseAddrPort(socket.LocalAddr().String())
	_, err = forwardUDP("publication x", at, at, here)
	assert.ErrorContains(t, err, "publication x: UDP "+at.String()+" of this machine is already in use")
}
