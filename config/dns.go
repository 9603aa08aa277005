// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/spf13/pflag"
)

// Whether the addresses that queries come from are those of clients.
const (
	ClientsAuto    = "auto"
	ClientsVisible = "visible"
	ClientsHidden  = "hidden"
)

// DNS is the part of a [Config] that is about the DNS server itself.
type DNS struct {
	CookieSecretFile string
	RateLimit        int
	RateSlip         int
	Clients          string
	NSID             string
	MaxWithoutCookie int

	TCPConns          int
	TCPConnsPerClient int
	TCPIdle           time.Duration

	TLSListen               []string
	TLSCertFile, TLSKeyFile string
}

func defaultDNS() DNS {
	return DNS{RateSlip: 2, Clients: ClientsAuto, TCPConns: 1000, TCPIdle: 10 * time.Second}
}

func (d *DNS) bind(fs *pflag.FlagSet) {
	fs.StringVar(&d.CookieSecretFile, "dns-cookie-secret-file", d.CookieSecretFile, "secrets of DNS cookies, the same for all replicas: one or two lines of 32 hexadecimal digits, the first makes cookies, both are accepted (default: made of the first --peer-tsig-key, which all replicas have; without one, random)")
	fs.IntVar(&d.RateLimit, "dns-rate-limit", d.RateLimit, "responses a second over UDP to one /24 or /56, of each class; 0: no limit (200 is usual)")
	fs.IntVar(&d.RateSlip, "dns-rate-slip", d.RateSlip, "of the responses beyond the limit, one in so many is sent, short and with TC; 1: all")
	fs.IntVar(&d.MaxWithoutCookie, "dns-max-response-without-cookie", d.MaxWithoutCookie, "octets of the largest answer over UDP to a client without a valid DNS cookie, 128 or more; longer ones are cut (TC), and the client comes back over TCP; 0: no such bound")
	fs.StringVar(&d.Clients, "dns-clients", d.Clients, "whether queries come from the addresses of clients: visible, hidden (by a load balancer: nothing is limited by address) or auto (as --service says)")
	fs.StringVar(&d.NSID, "dns-nsid", d.NSID, "name of this instance for those who ask for it (default: none)")
	fs.IntVar(&d.TCPConns, "dns-tcp-connections", d.TCPConns, "TCP and TLS connections; more take the place of those idle longest")
	fs.IntVar(&d.TCPConnsPerClient, "dns-tcp-connections-per-client", d.TCPConnsPerClient, "TCP and TLS connections of one client, an IPv4 address or IPv6 /64; 0: a quarter of all")
	fs.DurationVar(&d.TCPIdle, "dns-tcp-idle", d.TCPIdle, "how long a TCP or TLS connection may be idle")
	fs.StringSliceVar(&d.TLSListen, "dot-listen", d.TLSListen, "addresses for DNS over TLS, like :853 (default: none)")
	fs.StringVar(&d.TLSCertFile, "dot-cert-file", d.TLSCertFile, "certificate chain for DNS over TLS, PEM; read again when it changes")
	fs.StringVar(&d.TLSKeyFile, "dot-key-file", d.TLSKeyFile, "key of that certificate, PEM; read again when it changes")
}

func (d *DNS) check(bad *problems) {
	for _, c := range []struct {
		flag     string
		n, least int
	}{
		{"dns-rate-limit", d.RateLimit, 0}, {"dns-rate-slip", d.RateSlip, 1},
		{"dns-max-response-without-cookie", d.MaxWithoutCookie, 0},
		{"dns-tcp-connections", d.TCPConns, 1}, {"dns-tcp-connections-per-client", d.TCPConnsPerClient, 0},
	} {
		if c.n < c.least || c.n > 1_000_000 {
			bad.add(c.flag, fmt.Errorf("%d: write %d to 1000000", c.n, c.least))
		}
	}
	if d.MaxWithoutCookie > 0 && d.MaxWithoutCookie < 128 {
		bad.add("dns-max-response-without-cookie", fmt.Errorf("%d: write 128 or more, or 0", d.MaxWithoutCookie))
	}
	if d.TCPIdle < time.Second {
		bad.add("dns-tcp-idle", fmt.Errorf("%s: write at least 1s", d.TCPIdle))
	}
	if len(d.NSID) > 128 {
		bad.add("dns-nsid", fmt.Errorf("has %d octets; write at most 128", len(d.NSID)))
	}
	switch d.Clients {
	case ClientsAuto, ClientsVisible, ClientsHidden:
	default:
		bad.add("dns-clients", fmt.Errorf("%q: write %s, %s or %s", d.Clients, ClientsAuto, ClientsVisible, ClientsHidden))
	}
	for _, a := range d.TLSListen {
		if _, _, err := net.SplitHostPort(a); err != nil {
			bad.add("dot-listen", fmt.Errorf("%q is not ADDRESS:PORT, like :853", a))
		}
	}
	if len(d.TLSListen) == 0 {
		if d.TLSCertFile != "" || d.TLSKeyFile != "" {
			bad.add("dot-listen", errors.New("is missing beside the certificate; write :853"))
		}
		return
	}
	if d.TLSCertFile == "" {
		bad.add("dot-cert-file", errors.New("is missing beside --dot-listen"))
	}
	if d.TLSKeyFile == "" {
		bad.add("dot-key-file", errors.New("is missing beside --dot-listen"))
	}
}
