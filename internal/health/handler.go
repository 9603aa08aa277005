// SPDX-License-Identifier: Apache-2.0

// Package health says whether the process lives and whether it may be asked: the
// pages /healthz and /readyz, in the manner of Kubernetes' own components.
//
// It decides nothing about answers and restarts nothing. Living means that the
// loops on which everything depends turn ([Watchdog]); no API, peer or edge that
// is away changes that. Being ready means that answers are good ([Readiness]);
// once it is, only a shutdown or a stuck loop ends it. cmd wires it.
package health

import (
	"fmt"
	"net/http"
	"strings"
)

// Check is one thing that has to be well. Look returns nil if it is, else why it
// is not; it is called for every request and must not block.
type Check struct {
	Name string
	Look func() error
}

// Handler answers 200 and "ok" if every check is well, else 503 and a line for
// each check. With ?verbose there is a line for each check in any case.
//
//	[+]dns ok
//	[-]peers failed: waiting for us
//	readyz check failed
func Handler(name string, checks ...Check) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var lines strings.Builder
		well := true
		for _, c := range checks {
			if err := c.Look(); err != nil {
				well = false
				fmt.Fprintf(&lines, "[-]%s failed: %v\n", c.Name, err)
				continue
			}
			fmt.Fprintf(&lines, "[+]%s ok\n", c.Name)
		}
		h := rw.Header()
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		switch {
		case !well:
			rw.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintf(rw, "%s%s check failed\n", lines.String(), name)
		case r.URL.Query().Has("verbose"):
			fmt.Fprintf(rw, "%s%s check passed\n", lines.String(), name)
		default:
			fmt.Fprintln(rw, "ok")
		}
	})
}
