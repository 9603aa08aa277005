// SPDX-License-Identifier: Apache-2.0

package launcher_test

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// failEnv names the program that fails at once; orderEnv the file in which the
// programs note their starts and ends.
const (
	failEnv    = "KPLANE_TEST_FAIL"
	orderEnv   = "KPLANE_TEST_ORDER"
	noNodesEnv = "KPLANE_TEST_NO_NODES" // if set, the API has no Node
)

// TestMain lets this test binary be the multi-call binary too: under the name of
// a program it behaves like that program, as far as a launcher can tell.
func TestMain(m *testing.M) {
	program := filepath.Base(os.Args[0])
	fakes := map[string]func([]string) error{
		"etcd":                    func([]string) error { return nil },
		"kube-controller-manager": func([]string) error { return nil },
		"kube-scheduler":          func([]string) error { return nil },
		"kube-apiserver":          fakeAPIServer,
		"node":                    fakeNode,
	}
	start, ok := fakes[program]
	if !ok {
		os.Exit(m.Run())
	}
	if os.Getenv(failEnv) == program {
		fmt.Println("unknown flag: --nonsense")
		os.Exit(3)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	note("start " + program)
	if err := start(os.Args[1:]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	<-stop
	note("stop " + program)
}

func note(what string) {
	f, err := os.OpenFile(os.Getenv(orderEnv), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err == nil {
		_, err = fmt.Fprintln(f, what)
	}
	if err != nil {
		panic(err)
	}
	_ = f.Close()
}

// flagOf finds --name=value.
func flagOf(args []string, name string) string {
	i := slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, "--"+name+"=") })
	if i < 0 {
		panic("no flag --" + name)
	}
	return strings.TrimPrefix(args[i], "--"+name+"=")
}

// fakeAPIServer answers the three questions by which a launcher knows that a
// cluster works, to those who trust its certificate.
func fakeAPIServer(args []string) error {
	listener, err := net.Listen("tcp", net.JoinHostPort(flagOf(args, "bind-address"), flagOf(args, "secure-port")))
	if err != nil {
		return err
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/readyz":
			_, _ = io.WriteString(w, "ok")
		case "/api/v1/namespaces/default/serviceaccounts/default":
			_, _ = io.WriteString(w, `{"kind":"ServiceAccount","apiVersion":"v1","metadata":{"name":"default"}}`)
		case "/api/v1/nodes":
			nodes := `{"metadata":{"name":"n"},"status":{"conditions":[{"type":"Ready","status":"True"}]}}`
			if os.Getenv(noNodesEnv) != "" {
				nodes = ""
			}
			_, _ = fmt.Fprintf(w, `{"kind":"NodeList","apiVersion":"v1","items":[%s]}`, nodes)
		default:
			http.NotFound(w, r)
		}
	})
	go func() {
		panic(http.ServeTLS(listener, handler, flagOf(args, "tls-cert-file"), flagOf(args, "tls-private-key-file")))
	}()
	return nil
}

// fakeNode has the gateway's socket.
func fakeNode(args []string) error {
	fs := flag.NewFlagSet("node", flag.ContinueOnError)
	network := fs.String("network", "", "")
	port := fs.Int("http-port", 0, "")
	for _, other := range []string{"cluster", "kubeconfig", "log-dir"} {
		fs.String(other, "", "")
	}
	if fs.Bool("addresses-only", false, ""); slices.Contains(args, "--addresses-only") {
		note("start node --addresses-only")
	}
	if err := fs.Parse(args); err != nil {
		return err
	}
	octets := netip.MustParsePrefix(*network).Addr().As4()
	octets[3] = 11
	_, err := net.Listen("tcp", netip.AddrPortFrom(netip.AddrFrom4(octets), uint16(*port)).String())
	return err
}
