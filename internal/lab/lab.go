// SPDX-License-Identifier: Apache-2.0

// Package lab runs real meridian processes on loopback addresses of their own,
// for the demo and for end-to-end tests: an edge server, clusters, keys, links
// that can be cut, and questions over real DNS.
//
// Each Lab has a /24 below 127.0.0.0/8 to itself, so that several can run at
// once. It knows nothing of Kubernetes.
package lab

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
)

// Names that every lab uses.
const (
	Zone     = "cloud.example.com"
	EdgeZone = "example.com"
)

// dnsPort is where name servers are found by everybody else; highPort is used
// where it cannot be bound.
const (
	dnsPort  = 53
	highPort = 5300
)

// Lab is a set of processes on one loopback network. Not safe for concurrent
// use, except Ask.
type Lab struct {
	Dir  string // keys, manifests, logs
	Bin  string // the meridian binary
	Port int    // of every DNS server in the lab: 53 if it can be bound

	network   [2]byte
	processes []*Process
}

// New makes a lab that keeps its files in dir and runs the binary bin.
func New(ctx context.Context, dir, bin string) (*Lab, error) {
	l := &Lab{Dir: dir, Bin: bin}
	for range 20 {
		for i := range l.network {
			n, err := rand.Int(rand.Reader, big.NewInt(120))
			if err != nil {
				return nil, fmt.Errorf("choosing a loopback network: %w", err)
			}
			l.network[i] = byte(100 + n.Int64())
		}
		for _, port := range []int{dnsPort, highPort} {
			if l.free(ctx, port) {
				l.Port = port
				return l, nil
			}
		}
	}
	return nil, fmt.Errorf("no free network below 127.0.0.0/8 was found for the lab: are loopback addresses other than 127.0.0.1 usable here?")
}

// free reports that the first addresses of the network can be bound.
func (l *Lab) free(ctx context.Context, port int) bool {
	for n := 1; n <= 5; n++ {
		c, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", netip.AddrPortFrom(l.Addr(n), uint16(port)).String())
		if err != nil {
			return false
		}
		if c.Close() != nil {
			return false
		}
	}
	return true
}

// Addr gives the n-th address of the lab, 1 to 254.
func (l *Lab) Addr(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, l.network[0], l.network[1], byte(n)})
}

// At gives the n-th address with the port of the lab's DNS servers.
func (l *Lab) At(n int) string { return net.JoinHostPort(l.Addr(n).String(), strconv.Itoa(l.Port)) }

// NeedsPorts reports that port 53 cannot be bound here, so peers are found by
// flags and the edge follows delegations on another port.
func (l *Lab) NeedsPorts() bool { return l.Port != dnsPort }

// Key writes a new random TSIG secret and gives the key as the flags want it.
func (l *Lab) Key(name string) (string, error) {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return "", fmt.Errorf("making a key: %w", err)
	}
	file := filepath.Join(l.Dir, name+".key")
	if err := os.WriteFile(file, []byte(base64.StdEncoding.EncodeToString(secret)+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("writing a key: %w", err)
	}
	return name + ":hmac-sha256:" + file, nil
}

// EdgeArgs gives the flags of the lab's edge server on its n-th address.
func (l *Lab) EdgeArgs(n int, key string) []string {
	args := []string{"edge", "--zone", EdgeZone, "--listen", l.At(n), "--tsig-key", key}
	if l.NeedsPorts() {
		args = append(args, "--delegation-port", strconv.Itoa(l.Port))
	}
	return args
}

// Cluster describes one cluster of a lab.
type Cluster struct {
	Tag      string
	N        int    // its address
	Glue     int    // the address in its glue, where a link stands before it; 0: N
	EdgeAt   string // HOST:PORT of the edge; "": none
	EdgeKey  string
	PeerKeys []string
	Peers    []string // TAG=HOST:PORT; needed where port 53 cannot be bound
	HTTP     int      // port of its metrics; its probes are on the next one
	Extra    []string
}

// ServeArgs gives the flags of a cluster.
func (l *Lab) ServeArgs(c Cluster) []string {
	glue := c.N
	if c.Glue != 0 {
		glue = c.Glue
	}
	args := []string{
		"serve", "--geo-tag", c.Tag, "--zone", Zone, "--edge-zone", EdgeZone,
		"--dns-listen", l.At(c.N), "--dns-address", l.Addr(glue).String(), "--allow-loopback-entries",
		"--metrics-listen", net.JoinHostPort(l.Addr(c.N).String(), strconv.Itoa(c.HTTP)),
		"--probe-listen", net.JoinHostPort(l.Addr(c.N).String(), strconv.Itoa(c.HTTP+1)),
	}
	if c.EdgeAt != "" {
		args = append(args, "--edge-dns", c.EdgeAt, "--edge-tsig-key", c.EdgeKey)
	}
	for _, k := range c.PeerKeys {
		args = append(args, "--peer-tsig-key", k)
	}
	for _, p := range c.Peers {
		args = append(args, "--peers", p)
	}
	return append(args, c.Extra...)
}
