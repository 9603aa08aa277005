// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Defaults of a [Config].
const (
	DefaultMaxTCPConns = 1000
	DefaultMaxSlow     = 4096
	DefaultRateSlip    = 2
	DefaultTCPIdle     = 10 * time.Second
	DefaultTCPMessage  = 2 * time.Second
	DefaultTCPWrite    = 5 * time.Second
)

// minWithoutCookie leaves room for the usual address, without which nobody would get by
// without TCP.
const minWithoutCookie = 128

// slowPerConn bounds the slow messages in flight on one TCP connection.
const slowPerConn = 16

// SlowPath handles whole DNS messages that the packed table does not answer.
type SlowPath interface {
	// ServeSlow handles one well-formed DNS message: opcode ≠ QUERY, AXFR/IXFR,
	// anything that carries a TSIG, or every message with [Config.SlowAll]. It
	// runs in a goroutine of its own, owns msg, and may block until ctx ends
	// (connection closed or server stopping). It may call reply any number of
	// times over TCP, one frame each, and once over UDP. It returns false,
	// without having replied, when the message is not its own: the server then
	// answers as if there were no slow path.
	ServeSlow(ctx context.Context, msg []byte, from netip.AddrPort, tcp bool, reply func(msg []byte) error) bool
}

// Config says what a [Server] needs. Listen is required; the zero values of the
// rest mean the defaults.
type Config struct {
	// Listen holds the addresses, each for UDP and TCP: "127.0.1.1:53",
	// "[::1]:53", ":5353" for all of both families. Port 0 lets the system choose
	// one port for both transports.
	Listen []string

	SlowPath SlowPath // nil: there is none
	SlowAll  bool     // every well-formed message goes to SlowPath
	MaxSlow  int      // slow messages in flight, at most a quarter and 64 of them from UDP; 0: DefaultMaxSlow
	// KnowsKey says whether SlowPath may have the key of a name, in wire form and lower
	// case; it does not keep the name. Messages signed with another get BADKEY at once.
	// nil: SlowPath is asked. Safe for concurrent use.
	KnowsKey func(name []byte) bool

	Sockets              int           // UDP sockets for each address, each with a goroutine; 0: one for each processor
	MaxTCPConns          int           // more evict the one that was idle longest; 0: DefaultMaxTCPConns
	MaxTCPConnsPerClient int           // of one IPv4 address or IPv6 /64, likewise; 0: a quarter of MaxTCPConns
	TCPIdle              time.Duration // a connection without a message for so long is closed; 0: DefaultTCPIdle
	TCPMessage           time.Duration // bound for the whole of one message to arrive; 0: DefaultTCPMessage
	TCPWrite             time.Duration // bound for one write; 0: DefaultTCPWrite

	// TLSListen holds the addresses for DNS over TLS (RFC 7858), written like those of
	// Listen: ":853". Connections count among those of TCP.
	TLSListen []string
	// TLSCertFile and TLSKeyFile hold the certificate chain and its key in PEM. They
	// are read again when they change.
	TLSCertFile, TLSKeyFile string

	// CookieSecretFile holds the secrets of DNS cookies (RFC 9018), the same for all
	// replicas behind one address: one or two lines of 32 hexadecimal digits. The
	// first makes cookies, both are accepted; the file is read again when it changes.
	// "": a secret is made of CookieSeed.
	CookieSecretFile string
	// CookieSeed is what the secret is made of (RFC 5869) without a file: servers with the
	// same seed accept each other's cookies. Empty: a random secret of this process.
	CookieSeed []byte

	// RateLimit bounds the responses a second over UDP to one network (a /24 of IPv4,
	// a /56 of IPv6) in each class: answers, large answers, NODATA, NXDOMAIN, errors.
	// Clients with a valid cookie are not limited, nor is anybody while
	// [Server.HideClients] is in force. 0: no limit.
	RateLimit int
	// RateSlip says that of the responses beyond the limit one in so many is sent,
	// short and with TC; the others are dropped. 1: all; 0: DefaultRateSlip.
	RateSlip int

	// MaxWithoutCookie bounds the answers over UDP to those without a valid cookie, in
	// octets: longer ones are cut to nothing, with TC. It is at least 128; 0: what the
	// client takes, and 1232 octets, bound them alone.
	MaxWithoutCookie int

	NSID string // name of this instance for those who ask (RFC 5001); "": none
	Seed uint64 // of the draws, for tests; 0: random

	Logger     *slog.Logger          // nil: silent
	Registerer prometheus.Registerer // nil: metrics are not registered
}

// complete checks the configuration and fills in the defaults.
func (c *Config) complete() error {
	if len(c.Listen) == 0 {
		return errors.New(`no address to listen on; give one like ":5353"`)
	}
	if c.SlowAll && c.SlowPath == nil {
		return errors.New("every message should go to the slow path, but there is none")
	}
	if len(c.NSID) > 128 {
		return fmt.Errorf("the NSID has %d octets; at most 128 are sent", len(c.NSID))
	}
	if err := defaults([]setting[int]{
		{"MaxSlow", &c.MaxSlow, DefaultMaxSlow},
		{"Sockets", &c.Sockets, runtime.GOMAXPROCS(0)},
		{"MaxTCPConns", &c.MaxTCPConns, DefaultMaxTCPConns},
		{"MaxTCPConnsPerClient", &c.MaxTCPConnsPerClient, 0},
		{"RateLimit", &c.RateLimit, 0},
		{"MaxWithoutCookie", &c.MaxWithoutCookie, 0},
		{"RateSlip", &c.RateSlip, DefaultRateSlip},
	}); err != nil {
		return err
	}
	if c.MaxTCPConnsPerClient == 0 {
		c.MaxTCPConnsPerClient = max(c.MaxTCPConns/4, 1)
	}
	if len(c.TLSListen) > 0 && (c.TLSCertFile == "" || c.TLSKeyFile == "") {
		return errors.New("DNS over TLS needs a certificate and its key")
	}
	if c.RateLimit > MaxRateLimit {
		return fmt.Errorf("RateLimit is %d; it is at most %d", c.RateLimit, MaxRateLimit)
	}
	if n := c.MaxWithoutCookie; n > 0 && n < minWithoutCookie {
		return fmt.Errorf("MaxWithoutCookie is %d; it is at least %d", n, minWithoutCookie)
	}
	if err := defaults([]setting[time.Duration]{
		{"TCPIdle", &c.TCPIdle, DefaultTCPIdle},
		{"TCPMessage", &c.TCPMessage, DefaultTCPMessage},
		{"TCPWrite", &c.TCPWrite, DefaultTCPWrite},
	}); err != nil {
		return err
	}
	for c.Seed == 0 {
		c.Seed = rand.Uint64()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// setting is a value that may not be negative, and what an unset one (0) means.
type setting[T int | time.Duration] struct {
	name  string
	value *T
	unset T
}

// defaults checks settings, and fills in those that are unset.
func defaults[T int | time.Duration](settings []setting[T]) error {
	for _, s := range settings {
		if *s.value < 0 {
			return fmt.Errorf("%s is %v; it must be positive", s.name, *s.value)
		}
		if *s.value == 0 {
			*s.value = s.unset
		}
	}
	return nil
}
