// SPDX-License-Identifier: Apache-2.0

// Command kubectl-meridian is the kubectl plugin: `kubectl meridian status`, `kubectl
// meridian explain HOST` and `kubectl meridian migrate`. It reads the status that Meridian
// writes, so it needs no way to the processes themselves; only migrate writes.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := newRoot().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "kubectl meridian: %v\n", err)
		os.Exit(exitCode(err))
	}
}

// usageError is an error of who called the command.
type usageError struct{ error }

// exitCode is 2 for a command that was called wrongly, 1 for one that failed.
func exitCode(err error) int {
	if errors.As(err, &usageError{}) {
		return 2
	}
	return 1
}

// access is how the API is reached, with the flags that kubectl has for it.
type access struct {
	kubeconfig, context, namespace string
	all                            bool
}

func newRoot() *cobra.Command {
	a := &access{}
	root := &cobra.Command{
		Use:           "kubectl-meridian",
		Short:         "Look at global load balancing with Meridian",
		Version:       version,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl meridian"},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	fs := root.PersistentFlags()
	fs.StringVar(&a.kubeconfig, "kubeconfig", "", "kubeconfig file (default: as kubectl)")
	fs.StringVar(&a.context, "context", "", "context in the kubeconfig")
	fs.StringVarP(&a.namespace, "namespace", "n", "", "namespace (default: that of the context)")
	fs.BoolVarP(&a.all, "all-namespaces", "A", false, "every namespace")
	root.AddCommand(newStatus(a), newExplain(a), newMigrate(a))
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	return root
}

// clientConfig is how the kubeconfig is read.
func (a *access) clientConfig() clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = a.kubeconfig
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: a.context})
}

func (a *access) config() (*rest.Config, error) {
	cfg, err := a.clientConfig().ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	return cfg, nil
}

// list gives the Gslbs that the flags name; everywhere means all namespaces
// unless one was given.
func (a *access) list(ctx context.Context, everywhere bool) ([]gslbv1beta1.Gslb, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	namespace := a.namespace
	if namespace == "" && !a.all && !everywhere {
		if namespace, _, err = a.clientConfig().Namespace(); err != nil {
			return nil, fmt.Errorf("reading the kubeconfig: %w", err)
		}
	}
	scheme := runtime.NewScheme()
	if err := gslbv1beta1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	c, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("reaching the API server: %w", err)
	}
	var gslbs gslbv1beta1.GslbList
	if err := c.List(ctx, &gslbs, client.InNamespace(namespace)); err != nil {
		if meta.IsNoMatchError(err) || discovery.IsGroupDiscoveryFailedError(err) {
			return nil, fmt.Errorf("the API server has no Gslb kind: install Meridian's CustomResourceDefinitions: %w", err)
		}
		return nil, fmt.Errorf("listing Gslbs: %w", err)
	}
	return gslbs.Items, nil
}
