// SPDX-License-Identifier: Apache-2.0

package launcher

import (
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// writeKubeconfig writes the administrator's access to the given clusters into
// one file: a context, a cluster and a user per cluster, all with its name. The
// first is the current context.
func writeKubeconfig(path string, clusters ...*cluster) error {
	config := clientcmdapi.NewConfig()
	for _, c := range clusters {
		var files [3][]byte
		for i, name := range []string{"ca.crt", "admin.crt", "admin.key"} {
			content, err := os.ReadFile(c.file(name))
			if err != nil {
				return err
			}
			files[i] = content
		}
		config.Clusters[c.name] = &clientcmdapi.Cluster{Server: c.server(), CertificateAuthorityData: files[0]}
		config.AuthInfos[c.name] = &clientcmdapi.AuthInfo{ClientCertificateData: files[1], ClientKeyData: files[2]}
		config.Contexts[c.name] = &clientcmdapi.Context{Cluster: c.name, AuthInfo: c.name}
		if config.CurrentContext == "" {
			config.CurrentContext = c.name
		}
	}
	content, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	return writeFile(path, content, 0o600)
}

// writeFile writes a whole file or nothing: whoever waits for it never reads half.
func writeFile(path string, content []byte, mode os.FileMode) error {
	if err := os.WriteFile(path+".tmp", content, mode); err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
