// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package secondaries_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/gslb"
)

// stated gives the record as it is in a zone's intent; false: it is refused
// before that.
func (r judgeRecord) stated(t testing.TB) (gslb.Record, bool) {
	t.Helper()
	name, err := gslb.ParseName(r.owner)
	require.NoError(t, err)
	typ, err := rdata.ParseType(r.typ)
	require.NoError(t, err)
	if rdata.Servable(typ) != nil {
		return gslb.Record{}, false
	}
	data, err := rdata.Canonical(typ, r.data)
	require.NoError(t, err, "%s %s", r.typ, r.data)
	return gslb.Record{Name: name, Type: typ, TTL: r.ttl, Data: data}, true
}
