// SPDX-License-Identifier: Apache-2.0

// Package machine is process 1 of a site, in namespaces of its own: it makes the
// site's file system, starts control plane, containerd, kubelet and kube-proxy,
// and starts again what ends. It has no way to stop in order: whoever kills it
// kills the whole site, as if its power failed. The supervisor starts it.
package machine

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/meridian-gslb/meridian/internal/sites"
)

// Config is what the machine is told, as JSON in a file.
type Config struct {
	Name        string         `json:"name"`     // of the cluster
	NodeName    string         `json:"nodeName"` // and host name
	Zone        string         `json:"zone"`     // the node's topology zone and region
	Dir         string         `json:"dir"`      // of the site
	SetDir      string         `json:"setDir"`   // folder of the whole set
	Base        netip.Addr     `json:"base"`     // of the site's /24
	Node        netip.Addr     `json:"node"`
	Pods        netip.Prefix   `json:"pods"`
	Kplane      string         `json:"kplane"` // path of the multi-call binary
	PauseImage  string         `json:"pauseImage"`
	Programs    sites.Programs `json:"programs"`
	Cgroup      string         `json:"cgroup"`      // where the kubelet puts Pods, from the root of every hierarchy
	CgroupProcs []string       `json:"cgroupProcs"` // files by which the machine joins its cgroup
	ProxyMode   string         `json:"proxyMode"`   // of kube-proxy: nftables or iptables
	RestrictOOM bool           `json:"restrictOOM"` // we may not lower oom_score_adj
}

// Write writes the configuration where Read finds it.
func (c Config) Write(path string) error {
	content, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

// Read reads what Write has written.
func Read(path string) (Config, error) {
	var c Config
	content, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(content, &c); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func (c Config) file(names ...string) string {
	return filepath.Join(append([]string{c.Dir}, names...)...)
}

// Socket of containerd, in the site's own /run.
const containerdSocket = "/run/containerd/containerd.sock"
