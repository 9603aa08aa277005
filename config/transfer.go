// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// Transfer is the part of a [Config] that is about secondaries of our zones.
type Transfer struct {
	TSIGKeys []string
	Allow    []string
	Notify   []string
}

func (t *Transfer) bind(fs *pflag.FlagSet) {
	fs.StringArrayVar(&t.TSIGKeys, "transfer-tsig-key", t.TSIGKeys, "key with which secondaries may transfer our zones, NAME:ALGORITHM:FILE; repeatable (in the environment: separated by spaces)")
	fs.StringSliceVar(&t.Allow, "transfer-allow", t.Allow, "addresses and networks that may transfer our zones without a key (default: none)")
	fs.StringSliceVar(&t.Notify, "notify", t.Notify, "secondaries that are told when a zone changes, [KEYNAME@]ADDR[:PORT]; signed with that --transfer-tsig-key (default: the first)")
}

// Transfers says who gets our zones.
type Transfers struct {
	Keys   []*tsigkey.Key
	Allow  []netip.Prefix
	Notify []Secondary
}

// Used reports that somebody may transfer.
func (t *Transfers) Used() bool { return len(t.Keys) > 0 || len(t.Allow) > 0 }

// Secondary is a server that is told of changes.
type Secondary struct {
	Addr netip.AddrPort
	Key  *tsigkey.Key // nil: not signed
}

func (t *Transfer) settings(bad *problems) Transfers {
	var out Transfers
	for _, spec := range t.TSIGKeys {
		key, err := tsigkey.Parse(spec)
		bad.add("transfer-tsig-key", err)
		if key != nil {
			out.Keys = append(out.Keys, key)
		}
	}
	for _, a := range t.Allow {
		p, err := parsePrefix(strings.TrimSpace(a))
		bad.add("transfer-allow", err)
		out.Allow = append(out.Allow, p)
	}
	if len(t.Notify) > 0 && len(t.TSIGKeys) == 0 && len(t.Allow) == 0 {
		bad.add("notify", errors.New("nobody may transfer what is told of; give --transfer-tsig-key, or --transfer-allow"))
	}
	for _, spec := range t.Notify {
		to, err := secondary(strings.TrimSpace(spec), out.Keys)
		bad.add("notify", err)
		out.Notify = append(out.Notify, to)
	}
	return out
}

// parsePrefix reads a network, or an address as a network of one.
func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return p, fmt.Errorf("%q is neither an address nor a network like 198.51.100.0/24", s)
	case p != p.Masked():
		return p, fmt.Errorf("%s is an address inside the network %s; write one of them", s, p.Masked())
	}
	return p, nil
}

// secondary reads [KEYNAME@]ADDR[:PORT].
func secondary(spec string, keys []*tsigkey.Key) (Secondary, error) {
	var to Secondary
	name, addr, named := strings.Cut(spec, "@")
	if !named {
		addr = spec
	}
	hp, err := withPort(addr)
	if err == nil {
		to.Addr, err = netip.ParseAddrPort(hp)
	}
	if err != nil {
		return to, fmt.Errorf("%q: write [KEYNAME@]ADDR[:PORT], like secondaries@198.51.100.53", spec)
	}
	to.Addr = netip.AddrPortFrom(to.Addr.Addr().Unmap(), to.Addr.Port())
	switch {
	case named:
		canonical := tsigkey.FromSecret(name, "", nil).Name
		i := slices.IndexFunc(keys, func(k *tsigkey.Key) bool { return k.Name == canonical })
		if i < 0 {
			return to, fmt.Errorf("%q: there is no --transfer-tsig-key of the name %q", spec, name)
		}
		to.Key = keys[i]
	case len(keys) > 0:
		to.Key = keys[0]
	}
	return to, nil
}
