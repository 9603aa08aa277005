// SPDX-License-Identifier: Apache-2.0

// Command certmanager is the RFC 2136 solver of cert-manager for end-to-end tests, made
// of its own parts as they were released: the solver, the search for the zone, and the
// self check before an ACME server is asked. Only the reading of an Issuer and its
// Secret from a file, in the place of an API server, is ours.
//
//	certmanager present|cleanup|check --issuer FILE --host NAME --key TOKEN --resolver HOST:PORT…
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	acme "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	cmacme "github.com/cert-manager/cert-manager/pkg/apis/acme/v1"
	certmanager "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/cert-manager/cert-manager/pkg/issuer/acme/dns/rfc2136"
	"github.com/cert-manager/cert-manager/pkg/issuer/acme/dns/util"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubeyaml "k8s.io/apimachinery/pkg/util/yaml"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("say present, cleanup or check")
	}
	fs := flag.NewFlagSet(args[0], flag.ContinueOnError)
	file := fs.String("issuer", "", "file with an Issuer or ClusterIssuer and the Secret of its key")
	host := fs.String("host", "", "name for which a certificate is wanted")
	key := fs.String("key", "", "token")
	resolver := fs.String("resolver", "", "servers that are asked for zones and tokens, separated by commas")
	if err := fs.Parse(args[1:]); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	fqdn, servers := "_acme-challenge."+util.ToFqdn(strings.TrimPrefix(*host, "*.")), strings.Split(*resolver, ",")
	if args[0] == "check" {
		ok, err := util.PreCheckDNS(ctx, fqdn, *key, servers, false)
		if err == nil && !ok {
			err = errors.New("the token is not there")
		}
		return err
	}
	zone, err := util.FindZoneByFqdn(ctx, fqdn, servers)
	if err != nil {
		return err
	}
	config, secrets, err := read(*file)
	if err != nil {
		return err
	}
	ch := &acme.ChallengeRequest{
		DNSName: *host, ResolvedFQDN: fqdn, ResolvedZone: zone, Key: *key,
		ResourceNamespace: metav1.NamespaceDefault, Config: config,
	}
	solver := rfc2136.New(rfc2136.WithSecretsLister(secrets))
	switch args[0] {
	case "present":
		return solver.Present(ch)
	case "cleanup":
		return solver.CleanUp(ch)
	}
	return fmt.Errorf("%q: say present, cleanup or check", args[0])
}

// read gives the configuration of the solver in an issuer, and the Secrets beside it.
func read(file string) (*apiextensionsv1.JSON, corelisters.SecretLister, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	var solver *cmacme.ACMEIssuerDNS01ProviderRFC2136
	secrets := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	documents := kubeyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(string(text))))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal(document, &kind); err != nil {
			return nil, nil, err
		}
		switch kind.Kind {
		case "Secret":
			var s corev1.Secret
			if err := yaml.UnmarshalStrict(document, &s); err != nil {
				return nil, nil, err
			}
			s.Namespace, s.Data = metav1.NamespaceDefault, make(map[string][]byte)
			for k, v := range s.StringData {
				s.Data[k] = []byte(v)
			}
			if err := secrets.Add(&s); err != nil {
				return nil, nil, err
			}
		case certmanager.ClusterIssuerKind, certmanager.IssuerKind:
			var i certmanager.Issuer // a ClusterIssuer has the same form
			if err := yaml.UnmarshalStrict(document, &i); err != nil {
				return nil, nil, err
			}
			if i.Spec.ACME != nil && len(i.Spec.ACME.Solvers) == 1 && i.Spec.ACME.Solvers[0].DNS01 != nil {
				solver = i.Spec.ACME.Solvers[0].DNS01.RFC2136
			}
		}
	}
	if solver == nil {
		return nil, nil, fmt.Errorf("%s has no issuer with one solver, for rfc2136", file)
	}
	raw, err := json.Marshal(solver)
	return &apiextensionsv1.JSON{Raw: raw}, corelisters.NewSecretLister(secrets), err
}
