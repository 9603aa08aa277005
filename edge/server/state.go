// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/miekg/dns"
)

// TTLs of a zone that begins empty, in seconds.
const (
	apexTTL     = 3600
	negativeTTL = 30
)

// load reads the zone file, or makes an empty zone where there is none. The
// addresses of ns.ZONE become those given.
func load(file, origin string, addrs []netip.Addr) (*zone, error) {
	z := newZone(origin)
	switch err := z.read(file); {
	case file == "" || errors.Is(err, fs.ErrNotExist):
		z.begin()
	case err != nil:
		return nil, err
	}
	z.own(addrs)
	return z.publish(), nil
}

// begin makes the apex of an empty zone.
func (z *zone) begin() {
	h := func(t uint16) dns.RR_Header {
		return dns.RR_Header{Name: z.origin, Rrtype: t, Class: dns.ClassINET, Ttl: apexTTL}
	}
	soa := &dns.SOA{
		Hdr: h(dns.TypeSOA), Ns: "ns." + z.origin, Mbox: "hostmaster." + z.origin, Serial: uint32(time.Now().Unix()),
		Refresh: 3600, Retry: 600, Expire: 604800, Minttl: negativeTTL,
	}
	z.put(z.origin, dns.TypeSOA, []dns.RR{soa})
	z.put(z.origin, dns.TypeNS, []dns.RR{&dns.NS{Hdr: h(dns.TypeNS), Ns: soa.Ns}})
}

// own sets the addresses of ns.ZONE; without addresses it leaves what is there.
func (z *zone) own(addrs []netip.Addr) {
	if len(addrs) == 0 {
		return
	}
	name := "ns." + z.origin
	var v4, v6 []dns.RR
	for _, a := range addrs {
		h := dns.RR_Header{Name: name, Class: dns.ClassINET, Ttl: apexTTL}
		if a = a.Unmap(); a.Is4() {
			h.Rrtype = dns.TypeA
			v4 = append(v4, &dns.A{Hdr: h, A: a.AsSlice()})
		} else {
			h.Rrtype = dns.TypeAAAA
			v6 = append(v6, &dns.AAAA{Hdr: h, AAAA: a.AsSlice()})
		}
	}
	z.put(name, dns.TypeA, v4)
	z.put(name, dns.TypeAAAA, v6)
}

// read adds the records of a zone file.
func (z *zone) read(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("reading the zone: %w", err)
	}
	defer func() { _ = f.Close() }()
	p := dns.NewZoneParser(bufio.NewReader(f), z.origin, file)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		if rr.Header().Class != dns.ClassINET || !dns.IsSubDomain(z.origin, rr.Header().Name) {
			return fmt.Errorf("zone file %s: %s does not belong to %s", file, rr.Header().Name, z.origin)
		}
		if rr, err = normal(rr); err != nil {
			return fmt.Errorf("zone file %s: %w", file, err)
		}
		z.add(rr)
	}
	if err := p.Err(); err != nil {
		return fmt.Errorf("zone file: %w", err)
	}
	if len(z.get(z.origin, dns.TypeSOA)) != 1 || len(z.get(z.origin, dns.TypeNS)) == 0 {
		return fmt.Errorf("zone file %s: it needs one SOA and an NS record for %s", file, z.origin)
	}
	return nil
}

// normal gives a record as it would come from the wire, so that escapes in names
// compare.
func normal(rr dns.RR) (dns.RR, error) {
	buf := make([]byte, dns.Len(rr)+1)
	n, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return nil, fmt.Errorf("record of %s: %w", rr.Header().Name, err)
	}
	out, _, err := dns.UnpackRR(buf[:n], 0)
	return out, err
}

// save writes the zone file so that a crash leaves the old or the new one.
func save(file string, z *zone) error {
	if file == "" {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // fails once it is renamed
	w := bufio.NewWriter(f)
	fmt.Fprintf(w, "; zone %s, written by meridian edge at every update\n", z.origin)
	for _, rr := range z.all() {
		fmt.Fprintln(w, rr.String())
	}
	err = errors.Join(w.Flush(), f.Sync(), f.Chmod(0o644), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
