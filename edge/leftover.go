// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// glueAgain is how long no glue of others is touched at a server that refused that.
const glueAgain = time.Hour

// takeAway sends the removal of another's NS and glue. Where each cluster has a key of its
// own, it may write the NS RRset, which is everybody's, and no glue but its own: a server
// refuses the whole then, and the NS goes alone, under the same prerequisites. That is
// remembered of a server, so that it does not refuse each time. It gives whether the
// glue was left; from is the server that was read.
func (d *delegator) takeAway(ctx context.Context, from string, c Change) (server string, bare bool, err error) {
	alone := c
	alone.Clear = nil
	if until, known := d.spared[from]; known && time.Now().Before(until) {
		server, err = d.k.Publisher.Update(ctx, alone)
		if mayNot(err) {
			delete(d.spared, from)
		}
		return server, true, err
	}
	server, err = d.k.Publisher.Update(ctx, c)
	if !mayNot(err) {
		return server, false, err
	}
	if server, err = d.k.Publisher.Update(ctx, alone); err == nil {
		d.spared[server] = time.Now().Add(glueAgain)
	}
	return server, true, err
}

// mayNot reports an update that our key is not allowed: BIND says REFUSED then, others
// NOTAUTH, and Knot BADKEY, though it knows the key.
func mayNot(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && !errors.Is(err, ErrRaced) && slices.Contains([]string{"REFUSED", "NOTAUTH", "BADKEY"}, e.RCODE)
}

// leftOver says what glue of lost clusters is there although the delegation does not name
// them any more; "": none. It leads nobody anywhere, and they write their own when they
// return, so that is told and no failure. Only what stood there while it was named counts: a
// wildcard answers for every name.
func (d *delegator) leftOver(ctx context.Context, want Delegation, have holding) (string, error) {
	glue := make(map[gslb.GeoTag][]netip.Addr)
	var left []string
	for _, tag := range slices.Concat(want.Lost, want.Dead) {
		name, err := gslb.NameServerName(tag, want.Zone, want.EdgeZone)
		if err != nil {
			continue
		}
		was, named := d.glue[want.Zone][tag], slices.Contains(have.ns, name.FQDN())
		if !named && len(was) == 0 {
			continue
		}
		addrs, _, err := readAddrs(ctx, d.k.Publisher, want.EdgeZone, name, have.server)
		if err != nil {
			return "", err
		}
		if !named {
			addrs = slices.DeleteFunc(addrs, func(a netip.Addr) bool { return !slices.Contains(was, a) })
		}
		if len(addrs) == 0 {
			continue
		}
		glue[tag] = addrs
		if !named {
			left = append(left, fmt.Sprintf("%s %v", name.FQDN(), addrs))
		}
	}
	d.glue[want.Zone] = glue
	if len(left) == 0 {
		return "", nil
	}
	return "glue of dead clusters is left, which the key of this one may not remove: " + strings.Join(left, ", ") +
		"; nobody is led there, and a cluster that returns writes its own; remove by hand that of one that does not", nil
}

// alsoSaid joins two sentences, either of which may be empty.
func alsoSaid(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
