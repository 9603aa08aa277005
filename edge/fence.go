// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"errors"

	"github.com/meridian-gslb/meridian/gslb"
)

// change makes a change of ours. What was right and is not any more, and what is to be
// taken away, may be the work of another instance of our cluster that went on while this
// process stood still: then it is done only while our heartbeat is as we know it, and
// states the addresses that we know. Else, [ErrRaced], the heartbeat is read again first.
//
//	the change            | heartbeat known | states       | is made
//	adds, for a new plan  | any             | any          | freely: it commutes
//	takes away            | yes             | any          | if the heartbeat still stands
//	repairs               | yes             | our addresses| if the heartbeat still stands
//	repairs               | yes             | others       | no
//	repairs               | never           |              | freely
//	any, blindly          | any             | any          | if the heartbeat still stands; see withhold
func (d *delegator) change(ctx context.Context, c Change, repair, blind bool) (server string, err error) {
	data := d.claim.lease()
	owner, err := gslb.HeartbeatName(d.self, d.edge)
	fenced := err == nil && len(data) > 0 && (repair || blind || len(c.Remove) > 0)
	if fenced {
		c.Require = append(c.Require, RRset{Name: owner, Type: TypeTXT, Data: data})
	}
	if ours, _ := d.claim.stated(); fenced && repair && !blind && !ours {
		d.raced()
		return "", ErrRaced
	}
	server, err = d.k.Publisher.Update(ctx, c)
	if !errors.Is(err, ErrRaced) {
		return server, err
	}
	d.raced()
	if repair || blind || len(c.Add) == 0 {
		return "", ErrRaced
	}
	c.Require, c.Remove = nil, nil
	return d.k.Publisher.Update(ctx, c)
}
