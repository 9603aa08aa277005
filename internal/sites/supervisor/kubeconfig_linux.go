// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/meridian-gslb/meridian/internal/sites"
)

type object = map[string]any

// writeKubeconfig writes the administrator's access to all clusters, as reached
// from this machine. JSON is YAML.
func writeKubeconfig(path string, all []sites.Site, apis map[string]netip.AddrPort) error {
	var clusters, users, contexts []object
	for _, site := range all {
		var files [3][]byte
		for i, name := range []string{"ca.crt", "admin.crt", "admin.key"} {
			content, err := os.ReadFile(filepath.Join(site.Dir, "kplane", site.Name, name))
			if err != nil {
				return err
			}
			files[i] = content
		}
		clusters = append(clusters, object{"name": site.Context, "cluster": object{
			"server": fmt.Sprintf("https://%s", apis[site.Name]), "certificate-authority-data": files[0],
		}})
		users = append(users, object{"name": site.Context, "user": object{
			"client-certificate-data": files[1], "client-key-data": files[2],
		}})
		contexts = append(contexts, object{"name": site.Context, "context": object{"cluster": site.Context, "user": site.Context}})
	}
	content, err := json.MarshalIndent(object{
		"apiVersion": "v1", "kind": "Config", "clusters": clusters, "users": users, "contexts": contexts,
		"current-context": all[0].Context,
	}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".tmp", append(content, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}
