// SPDX-License-Identifier: Apache-2.0

package launcher

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// A pki is the keys and certificates of one cluster, as files of its folder.
// The authority and the service account key live as long as the folder, so that
// kubeconfigs and tokens survive a restart; the others are made anew each time.
type pki struct {
	dir    string
	caCert *x509.Certificate
	caKey  *ecdsa.PrivateKey
}

// newPKI writes ca, sa, apiserver and admin (.crt and .key, sa.pub) into dir.
// The API server's certificate is for these addresses: its own, that of its
// Service, and 127.0.0.1 for those who reach it by a forwarder.
func newPKI(dir string, api ...netip.Addr) (*pki, error) {
	p := &pki{dir: dir}
	if err := p.loadAuthority(); errors.Is(err, fs.ErrNotExist) {
		err = p.createAuthority()
		if err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, fmt.Errorf("reading the cluster's authority (remove %s to start afresh): %w", dir, err)
	}
	var ips []net.IP
	for _, address := range api {
		ips = append(ips, address.AsSlice())
	}
	err := p.issue("apiserver", &x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
		IPAddresses: ips,
	})
	if err != nil {
		return nil, err
	}
	return p, p.issue("admin", &x509.Certificate{
		Subject:     pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

func (p *pki) file(name string) string { return filepath.Join(p.dir, name) }

func (p *pki) loadAuthority() error {
	certificate, err := os.ReadFile(p.file("ca.crt"))
	if err != nil {
		return err
	}
	key, err := os.ReadFile(p.file("ca.key"))
	if err != nil {
		return err
	}
	if _, err := os.Stat(p.file("sa.pub")); err != nil {
		return err
	}
	certBlock, _ := pem.Decode(certificate)
	keyBlock, _ := pem.Decode(key)
	if certBlock == nil || keyBlock == nil {
		return errors.New("ca.crt or ca.key is not PEM")
	}
	if p.caCert, err = x509.ParseCertificate(certBlock.Bytes); err != nil {
		return err
	}
	p.caKey, err = x509.ParseECPrivateKey(keyBlock.Bytes)
	return err
}

func (p *pki) createAuthority() error {
	serviceAccounts, err := p.newKey("sa")
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&serviceAccounts.PublicKey)
	if err != nil {
		return err
	}
	if p.caKey, err = p.newKey("ca"); err != nil {
		return err
	}
	p.caCert = &x509.Certificate{
		Subject:               pkix.Name{CommonName: "kplane"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	if err := p.sign("ca", p.caCert, &p.caKey.PublicKey); err != nil {
		return err
	}
	// last, for its presence says that the authority is complete
	return writePEM(p.file("sa.pub"), "PUBLIC KEY", public, 0o644)
}

func (p *pki) issue(name string, template *x509.Certificate) error {
	key, err := p.newKey(name)
	if err != nil {
		return err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	return p.sign(name, template, &key.PublicKey)
}

func (p *pki) sign(name string, template *x509.Certificate, public *ecdsa.PublicKey) error {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	now := time.Now()
	template.SerialNumber = serial
	template.NotBefore, template.NotAfter = now.Add(-time.Hour), now.AddDate(10, 0, 0)
	der, err := x509.CreateCertificate(rand.Reader, template, p.caCert, public, p.caKey)
	if err != nil {
		return fmt.Errorf("signing the certificate %s: %w", name, err)
	}
	return writePEM(p.file(name+".crt"), "CERTIFICATE", der, 0o644)
}

func (p *pki) newKey(name string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writePEM(p.file(name+".key"), "EC PRIVATE KEY", der, 0o600)
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
