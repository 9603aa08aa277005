// SPDX-License-Identifier: Apache-2.0

package ask_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/healthcheck/internal/ask"
	"github.com/meridian-gslb/meridian/healthcheck/internal/fakenet"
)

// plenty is a time that no answer on loopback takes; it ends a test that hangs.
const plenty = 30 * time.Second

func asked(t *testing.T, a *ask.Asker, q ask.Question) ask.Answer {
	t.Helper()
	if a.Dial == nil {
		a.Dial = ask.DefaultDial()
	}
	ctx, cancel := context.WithTimeout(t.Context(), plenty)
	defer cancel()
	return a.Ask(ctx, q)
}

func portOf(t *testing.T, a net.Addr) netip.AddrPort {
	t.Helper()
	p, err := netip.ParseAddrPort(a.String())
	require.NoError(t, err)
	return p
}

// listen serves every connection with f on a port of 127.0.0.1.
func listen(t *testing.T, f func(net.Conn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(c)
			}()
		}
	}()
	return portOf(t, l.Addr())
}

// say reads what is asked up to the empty line, then says s.
func say(s string) func(net.Conn) {
	return func(c net.Conn) {
		buf := make([]byte, 4096)
		var got string
		for !strings.Contains(got, "\r\n\r\n") {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			got += string(buf[:n])
		}
		_, _ = io.WriteString(c, s)
	}
}

func TestWhatComesBackFromRealServers(t *testing.T) {
	closed := func(t *testing.T) netip.AddrPort {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		a := portOf(t, l.Addr())
		require.NoError(t, l.Close())
		return a
	}
	cases := []struct {
		name string
		kind ask.Kind
		at   func(t *testing.T) netip.AddrPort
		want ask.Answer
		why  string
	}{
		{"connection accepted", ask.Connect, func(t *testing.T) netip.AddrPort { return listen(t, func(net.Conn) {}) },
			ask.Answer{Result: ask.OK}, "TCP asks no more than that"},
		{"port closed", ask.Connect, closed, ask.Answer{Result: ask.Refused, Detail: "connect: refused"}, "a refusal is a reply"},
		{"banner", ask.Byte, func(t *testing.T) netip.AddrPort {
			return listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "220 mail\r\n") })
		}, ask.Answer{Result: ask.OK}, "one byte is enough"},
		{"accepts and closes", ask.Byte, func(t *testing.T) netip.AddrPort { return listen(t, func(net.Conn) {}) },
			ask.Answer{Result: ask.Closed, Detail: "read: closed without an answer"}, "load balancers do that for dead backends"},
		{"200", ask.Plain, func(t *testing.T) netip.AddrPort {
			return listen(t, say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
		}, ask.Answer{Result: ask.OK, Status: 200}, "the plain case"},
		{"503", ask.Plain, func(t *testing.T) netip.AddrPort {
			return listen(t, say("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"))
		}, ask.Answer{Result: ask.OK, Status: 503}, "judging is the caller's"},
		{"early hints, then 200", ask.Plain, func(t *testing.T) netip.AddrPort {
			return listen(t, say("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
		}, ask.Answer{Result: ask.OK, Status: 200}, "RFC 9110 §15.2: interim responses come before the final one"},
		{"interim responses for ever", ask.Plain, func(t *testing.T) netip.AddrPort {
			return listen(t, say(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100)))
		}, ask.Answer{Result: ask.Garbled, Detail: "answer: more than 5 interim responses"}, "bounded"},
		{"header without end", ask.Plain, func(t *testing.T) netip.AddrPort {
			return listen(t, say("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20)))
		}, ask.Answer{Result: ask.Garbled, Detail: "answer: the header is longer than 65536 octets"}, "bounded"},
		{"another protocol", ask.Plain, func(t *testing.T) netip.AddrPort { return listen(t, say("SSH-2.0-OpenSSH_9.9\r\n\r\n")) },
			ask.Answer{Result: ask.Garbled, Detail: "answer: not HTTP"}, "a reply, but no status"},
		{"closed without a word", ask.Plain, func(t *testing.T) netip.AddrPort { return listen(t, say("")) },
			ask.Answer{Result: ask.Closed, Detail: "answer: closed without an answer"}, "a proxy without backend"},
		{"no TLS there", ask.Secure, func(t *testing.T) netip.AddrPort {
			return listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") })
		}, ask.Answer{Result: ask.BadTLS, Detail: "tls: the other side does not speak TLS"}, "a client would fail too"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			q := ask.Question{Kind: c.kind, Addr: c.at(t), Host: "app.example.com", SNI: "app.example.com", Path: "/"}
			got := asked(t, &ask.Asker{}, q)
			assert.Equal(t, c.want, got, c.why)
			assert.Equal(t, got, asked(t, &ask.Asker{}, q), "equal failures read the same")
		})
	}
}

func TestTheRequestIsThatOfAClient(t *testing.T) {
	var got *http.Request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = r; w.WriteHeader(204) }))
	defer s.Close()
	a := asked(t, &ask.Asker{}, ask.Question{
		Kind: ask.Plain, Addr: portOf(t, s.Listener.Addr()), Host: "app.cloud.example.com", Path: "/healthz?full=1", Agent: "meridian-healthcheck",
	})
	assert.Equal(t, ask.Answer{Result: ask.OK, Status: 204}, a)
	assert.Equal(t, "app.cloud.example.com", got.Host)
	assert.Equal(t, "/healthz?full=1", got.URL.RequestURI())
	assert.Equal(t, "GET", got.Method)
	assert.Equal(t, "meridian-healthcheck", got.UserAgent())
	assert.True(t, got.Close, "the connection is not kept")
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var followed atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		followed.Store(followed.Load() || r.URL.Path == "/elsewhere")
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer s.Close()
	a := asked(t, &ask.Asker{}, ask.Question{Kind: ask.Plain, Addr: portOf(t, s.Listener.Addr()), Host: "app.example.com", Path: "/"})
	assert.Equal(t, 302, a.Status)
	assert.False(t, followed.Load())
}

func TestTLSByNameAndAuthority(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {}))
	var sni, alpn atomic.Value
	s.TLS = &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		sni.Store(h.ServerName)
		alpn.Store(strings.Join(h.SupportedProtos, ","))
		return nil, nil
	}}
	s.StartTLS()
	defer s.Close()
	roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	at := portOf(t, s.Listener.Addr())
	cases := []struct {
		name  string
		asker *ask.Asker
		q     ask.Question
		want  ask.Answer
		why   string
	}{
		{"known authority, right name", &ask.Asker{Roots: roots}, ask.Question{Kind: ask.Secure, SNI: "example.com", Host: "example.com", Path: "/"},
			ask.Answer{Result: ask.OK, Status: 200}, "as a client"},
		{"known authority, wrong name", &ask.Asker{Roots: roots}, ask.Question{Kind: ask.Secure, SNI: "app.example.org", Host: "app.example.org", Path: "/"},
			ask.Answer{Result: ask.BadTLS, Detail: "tls: the certificate is not for app.example.org"}, "a client would refuse it"},
		{"unknown authority", &ask.Asker{}, ask.Question{Kind: ask.Secure, SNI: "example.com", Host: "example.com", Path: "/"},
			ask.Answer{Result: ask.BadTLS, Detail: "tls: the certificate is signed by an unknown authority"}, "a client would refuse it"},
		{"unverified", &ask.Asker{}, ask.Question{Kind: ask.Secure, SNI: "app.example.org", Host: "app.example.org", Path: "/", Unverified: true},
			ask.Answer{Result: ask.OK, Status: 200}, "insecureSkipVerify"},
		{"handshake alone", &ask.Asker{}, ask.Question{Kind: ask.Handshake, SNI: "app.example.org", Unverified: true},
			ask.Answer{Result: ask.OK}, "no request is sent"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.q.Addr = at
			assert.Equal(t, c.want, asked(t, c.asker, c.q), c.why)
			assert.Equal(t, c.q.SNI, sni.Load())
			if c.q.Kind == ask.Secure {
				assert.Equal(t, "http/1.1", alpn.Load())
			}
		})
	}
}

func TestAPathThatIsNoPathIsNeverSent(t *testing.T) {
	for _, path := range []string{"", "healthz", "http://elsewhere/", "/a\r\nX-Injected: 1", "/%zz"} {
		n := &fakenet.Network{}
		n.Set("192.0.2.1:80", fakenet.Always(fakenet.Status(200)))
		a := asked(t, &ask.Asker{Dial: n.DialContext}, ask.Question{Kind: ask.Plain, Addr: netip.MustParseAddrPort("192.0.2.1:80"), Path: path})
		assert.Equal(t, ask.Local, a.Result, "%q", path)
	}
}

func TestTimeIsBoundedByTheContext(t *testing.T) {
	at := netip.MustParseAddrPort("192.0.2.1:80")
	cases := []struct {
		name   string
		kind   ask.Kind
		decide func() (fakenet.Peer, error)
		detail string
	}{
		{"nobody accepts", ask.Connect, fakenet.Swallow, "connect: no answer in time"},
		{"accepted, no answer", ask.Plain, fakenet.Always(fakenet.Hang), "answer: no answer in time"},
		{"accepted, no handshake", ask.Secure, fakenet.Always(fakenet.Hang), "tls: no answer in time"},
		{"accepted, no byte", ask.Byte, fakenet.Always(fakenet.Hang), "read: no answer in time"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &fakenet.Network{}
				n.Set(at.String(), c.decide)
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				a := (&ask.Asker{Dial: n.DialContext}).Ask(ctx, ask.Question{Kind: c.kind, Addr: at, Host: "app.example.com", SNI: "app.example.com", Path: "/"})
				assert.Equal(t, ask.Answer{Result: ask.Timeout, Detail: c.detail}, a)
				assert.Equal(t, 3*time.Second, time.Since(start))
			})
		})
	}
}

func TestABodyWithoutEndTakesNothingFromTheStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &fakenet.Network{}
		n.Set("192.0.2.1:80", fakenet.Always(func(c net.Conn) {
			say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\r\n")(c)
			fakenet.Hang(c)
		}))
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		a := (&ask.Asker{Dial: n.DialContext}).Ask(ctx, ask.Question{Kind: ask.Plain, Addr: netip.MustParseAddrPort("192.0.2.1:80"), Path: "/"})
		assert.Equal(t, ask.Answer{Result: ask.OK, Status: 200}, a)
		assert.Equal(t, 100*time.Millisecond, time.Since(start), "a short while for servers that like their answer taken whole")
	})
}

func TestFaultsOfOurOwnAreNotTheEntrys(t *testing.T) {
	for _, err := range []error{syscall.EMFILE, syscall.ENOBUFS, syscall.EADDRNOTAVAIL, syscall.EPERM} {
		n := &fakenet.Network{}
		n.Set("192.0.2.1:80", fakenet.Fails(err))
		a := asked(t, &ask.Asker{Dial: n.DialContext}, ask.Question{Kind: ask.Connect, Addr: netip.MustParseAddrPort("192.0.2.1:80")})
		assert.Equal(t, ask.Local, a.Result, err.Error())
		assert.False(t, a.Result.Replied())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n := &fakenet.Network{}
	n.Set("192.0.2.1:80", fakenet.Swallow)
	a := (&ask.Asker{Dial: n.DialContext}).Ask(ctx, ask.Question{Kind: ask.Connect, Addr: netip.MustParseAddrPort("192.0.2.1:80")})
	assert.Equal(t, ask.Answer{Result: ask.Local, Detail: "connect: stopped"}, a, "stopping says nothing of the entry")
}

func TestAddressesThatAreNeverAsked(t *testing.T) {
	for _, a := range []string{"0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "169.254.169.254", "fe80::1", "::ffff:224.0.0.1"} {
		assert.NotEmpty(t, ask.Askable(netip.MustParseAddr(a)), a)
	}
	assert.NotEmpty(t, ask.Askable(netip.Addr{}))
	for _, a := range []string{"192.0.2.1", "2001:db8::1", "127.0.0.1", "10.0.0.1"} {
		assert.Empty(t, ask.Askable(netip.MustParseAddr(a)), a)
	}
}

// FuzzAnswer: whatever a server says, the asker ends, does not panic, and gives a
// result of the list.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "HTTP/1.1 99999 x\r\n\r\n", "HTTP/2.0 200\r\n\r\n",
		"\x16\x03\x01", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
	} {
		f.Add([]byte(s), uint8(ask.Plain))
		f.Add([]byte(s), uint8(ask.Secure))
	}
	f.Fuzz(func(t *testing.T, says []byte, kind uint8) {
		dial := func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				defer far.Close()
				go func() { _, _ = io.Copy(io.Discard, far) }()
				_, _ = far.Write(says)
			}()
			return near, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), plenty)
		defer cancel()
		a := (&ask.Asker{Dial: dial}).Ask(ctx, ask.Question{Kind: ask.Kind(kind % 5), Host: "app.example.com", SNI: "app.example.com", Path: "/"})
		require.Contains(t, ask.Results(), a.Result)
		require.NotEqual(t, ask.Timeout, a.Result, "what was said has ended")
		if a.Result == ask.OK && kind%5 == uint8(ask.Plain) {
			require.GreaterOrEqual(t, a.Status, 101)
		}
	})
}
