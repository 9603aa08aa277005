// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"net"
	"regexp"
	"strings"

	"github.com/meridian-gslb/meridian/internal/lab"
)

// instance is one process of a cluster.
type instance struct {
	c       *cluster
	name    string
	n       int // last octet of its address
	process *lab.Process
}

// at is where the instance answers.
func (i *instance) at() string { return i.c.space.at(i.n) }

func (i *instance) start() {
	i.c.w.t.Helper()
	c, w := i.c, i.c.w
	addr := i.c.space.addr(i.n).String()
	args := []string{
		"serve", "--geo-tag", c.tag, "--zone", lab.Zone, "--edge-zone", lab.EdgeZone,
		"--dns-listen", i.at(), "--dns-address", c.space.addr(dnsN).String(), "--peer-tsig-key", c.peerKey,
		"--metrics-listen", net.JoinHostPort(addr, "8080"), "--probe-listen", net.JoinHostPort(addr, "8081"),
	}
	switch {
	case c.edge != nil:
		args = append(args, c.edge...)
	case w.plan.noEdge:
		args = append(args, "--edge-provider", "none")
		for _, o := range w.clusters {
			if o != c {
				args = append(args, "--peers", o.tag+"="+o.space.at(dnsN))
			}
		}
	default:
		args = append(args, "--edge-dns", w.edge.space.at(dnsN), "--edge-tsig-key", w.edgeKey)
	}
	for _, o := range c.instances {
		if o != i {
			args = append(args, "--peers", c.tag+"="+o.at())
		}
	}
	if w.plan.noChecks {
		args = append(args, "--entry-check", "off")
	}
	if c.keeps {
		args = append(args, "--state-dir", i.stateDir())
	}
	args = append(args, c.source...)
	args = append(args, w.plan.extra...)
	program, args := meridian.path, append(args, c.extra...)
	if c.clock != "" {
		program, args = "env", append([]string{clockEnv + "=" + c.clock, testClock.path}, args...)
	}
	i.process = w.start(c.space, i.name, program, args...)
}

// metrics reads the instance's metrics, from its own space.
func (i *instance) metrics() string { return i.page("/metrics") }

// page asks the instance for a page until it comes: on a busy machine one may not in time.
func (i *instance) page(path string) (page string) {
	i.c.w.t.Helper()
	url := "http://" + net.JoinHostPort(i.c.space.addr(i.n).String(), "8080") + path
	i.c.w.until(i.name+" gives "+path, func() bool {
		page = i.c.space.get(url)
		return page != ""
	})
	return page
}

// ready is what the instance says to who asks whether it is ready.
func (i *instance) ready() bool {
	page := i.c.space.get("http://" + net.JoinHostPort(i.c.space.addr(i.n).String(), "8081") + "/readyz")
	return page == "ok\n"
}

// liveness is what the instance thinks of a cluster; "" while it does not say.
func (i *instance) liveness(tag string) string {
	m := regexp.MustCompile(`meridian_gslb_cluster_liveness\{geo_tag="` + tag + `",liveness="(\w+)"\} 1`).FindStringSubmatch(i.metrics())
	if m == nil {
		return ""
	}
	return m[1]
}

// witness is who vouches for a cluster, as the instance sees it.
func (i *instance) witness(tag string) string {
	m := regexp.MustCompile(`meridian_gslb_cluster_witness\{geo_tag="` + tag + `",witness="([^"]+)"\} 1`).FindStringSubmatch(i.metrics())
	if m == nil {
		return ""
	}
	return m[1]
}

// logged says whether an instance has logged a text.
func (i *instance) logged(text string) bool { return strings.Contains(i.process.Log(), text) }

// explain asks the instance why it answers a host as it does.
func (i *instance) explain(host string) string {
	return i.page("/explain?host=" + host)
}
