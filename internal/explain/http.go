// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/json"
	"net/http"
	"net/netip"

	"github.com/meridian-gslb/meridian/gslb"
)

// Handler serves GET ?host=NAME[&client=ADDR] as JSON from the World that
// current gives. A wrong request is answered 400, an unknown host 404, a
// process that is not ready 503, each with {"error": …}. The notes of about, which may
// be nil, say what else there is to know of a zone.
func Handler(current func() *gslb.World, about func(zone gslb.Name) []string) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		host, err := gslb.ParseName(r.URL.Query().Get("host"))
		if err != nil {
			fail(rw, http.StatusBadRequest, err)
			return
		}
		var client netip.Addr
		if c := r.URL.Query().Get("client"); c != "" {
			if client, err = netip.ParseAddr(c); err != nil {
				fail(rw, http.StatusBadRequest, err)
				return
			}
		}
		w := current()
		x, err := Of(w, host, client)
		switch {
		case err != nil && (w == nil || !w.Ready):
			fail(rw, http.StatusServiceUnavailable, err)
		case err != nil:
			fail(rw, http.StatusNotFound, err)
		default:
			if zone, err := gslb.ParseName(x.Zone); err == nil && about != nil {
				x.Notes = append(x.Notes, about(zone)...)
			}
			_ = json.NewEncoder(rw).Encode(x) // the client went away: nobody is left to tell
		}
	})
}

func fail(rw http.ResponseWriter, code int, err error) {
	rw.WriteHeader(code)
	_ = json.NewEncoder(rw).Encode(map[string]string{"error": err.Error()}) // as above
}
