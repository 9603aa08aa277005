// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
)

// alpnDoT is what clients of DNS over TLS may say that they speak (RFC 7858
// §3.1; IANA's registry of ALPN IDs).
const alpnDoT = "dot"

// certificate is the one that is shown at the moment.
type certificate struct {
	now atomic.Pointer[tls.Certificate]
}

// load reads certificate and key; those before stay on an error.
func (c *certificate) load(certFile, keyFile string) error {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return fmt.Errorf("certificate for DNS over TLS: %w", err)
	}
	c.now.Store(&pair)
	return nil
}

// config is for connections from now on. Clients that say what they speak must
// say DNS; those of today mostly say nothing.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{alpnDoT},

		GetConfigForClient: greet,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.now.Load(), nil
		},
	}
}

// bindTLS binds the addresses of DNS over TLS.
func (s *Server) bindTLS() error {
	if len(s.cfg.TLSListen) == 0 {
		return nil
	}
	cert := new(certificate)
	load := func() error { return cert.load(s.cfg.TLSCertFile, s.cfg.TLSKeyFile) }
	s.watch.add("certificate for DNS over TLS", load, s.cfg.TLSCertFile, s.cfg.TLSKeyFile)
	if err := load(); err != nil {
		return fmt.Errorf("DNS server: %w", err)
	}
	over := cert.config()
	s.shared.handshakes = newHandshakes(&s.hidden, rand.Uint64())
	for _, spec := range s.cfg.TLSListen {
		bound, err := listen(spec, 0)
		if err != nil {
			return err
		}
		for _, b := range bound {
			b.over = over
		}
		s.bound = append(s.bound, bound...)
	}
	return nil
}
