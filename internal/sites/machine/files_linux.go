// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/meridian-gslb/meridian/internal/sites"
)

// writeFiles writes what the programs read.
func writeFiles(c Config) error {
	for _, dir := range []string{"etc/cni", "log", "kplane"} {
		if err := os.MkdirAll(c.file(dir), 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(c.file("etc", "containerd.toml"), []byte(containerdConfig(c)), 0o644); err != nil {
		return err
	}
	// Nobody answers there, and says so at once.
	if err := os.WriteFile(c.file("etc", "resolv.conf"), []byte("nameserver 127.0.0.1\n"), 0o644); err != nil {
		return err
	}
	for name, content := range map[string]any{
		"cni/10-pods.conflist": networkConfig(c),
		"kubelet.json":         kubeletConfig(c),
		"kube-proxy.json":      proxyConfig(c),
	} {
		encoded, err := json.MarshalIndent(content, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.file("etc", filepath.FromSlash(name)), encoded, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// containerdConfig is in the second version of containerd's format, which 1.6 to
// 2.x read. AppArmor profiles would be loaded into the whole machine.
func containerdConfig(c Config) string {
	return fmt.Sprintf(`version = 2
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt"]
[grpc]
  address = %q
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  disable_apparmor = true
  restrict_oom_score_adj = %t
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %q
    conf_dir = %q
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
`, containerdSocket, sites.PauseRef, c.RestrictOOM, c.Programs.CNI, c.file("etc", "cni"))
}

type object = map[string]any

// networkConfig is a bridge for the site's Pods. Addresses are noted in /run, for
// they are given back when the site is switched off.
func networkConfig(c Config) object {
	return object{
		"cniVersion": "0.4.0",
		"name":       "pods",
		"plugins": []object{{
			"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false,
			"hairpinMode": true, // a Pod may reach itself by its Service
			"ipam": object{
				"type": "host-local", "dataDir": "/run/cni",
				"ranges": [][]object{{{"subnet": c.Pods.String()}}},
				"routes": []object{{"dst": "0.0.0.0/0"}},
			},
		}},
	}
}

func kubeletConfig(c Config) object {
	return object{
		"apiVersion": "kubelet.config.k8s.io/v1beta1",
		"kind":       "KubeletConfiguration",
		// Only the site's own programs and the other sites can reach it.
		"authentication": object{"anonymous": object{"enabled": true}, "webhook": object{"enabled": false}},
		"authorization":  object{"mode": "AlwaysAllow"},
		"address":        c.Node.String(),
		"cgroupDriver":   "cgroupfs",
		"cgroupRoot":     c.Cgroup,
		"failCgroupV1":   false,
		"failSwapOn":     false,
		// kube-proxy has its own rules, and nobody maps host ports.
		"makeIPTablesUtilChains":      false,
		"containerRuntimeEndpoint":    "unix://" + containerdSocket,
		"resolvConf":                  c.file("etc", "resolv.conf"),
		"maxPods":                     usable(c.Pods),
		"evictionHard":                object{"memory.available": "10Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
		"imageGCHighThresholdPercent": 100, // images cannot be pulled again
		"nodeStatusUpdateFrequency":   "2s",
		"syncFrequency":               "5s",
		"volumePluginDir":             "/var/lib/kubelet/volume-plugins",
	}
}

// usable is how many Pods a range has room for, without network, bridge and
// broadcast address.
func usable(pods netip.Prefix) int { return 1<<(32-pods.Bits()) - 3 }

func proxyConfig(c Config) object {
	return object{
		"apiVersion":       "kubeproxy.config.k8s.io/v1alpha1",
		"kind":             "KubeProxyConfiguration",
		"mode":             c.ProxyMode,
		"clientConnection": object{"kubeconfig": c.kubeconfig()},
		"hostnameOverride": c.NodeName,
		"clusterCIDR":      c.Pods.String(),
		"detectLocalMode":  "ClusterCIDR",
		// The table of connections is the whole machine's.
		"conntrack": object{"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
	}
}

func (c Config) kubeconfig() string { return c.file("kplane", c.Name, "kubeconfig") }
