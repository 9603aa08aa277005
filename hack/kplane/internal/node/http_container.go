// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// MessageAnnotation on a Pod is what its HTTP containers say, unless the
// environment (PODINFO_UI_MESSAGE or MESSAGE) does.
const MessageAnnotation = "kplane.meridian.dev/message"

// An httpContainer is a container without a command: a web server inside this
// process on each of its TCP ports. It says who it is, and can be told to be
// unready:
//
//	GET /healthz                         200
//	GET /readyz                          200, or 503 after POST /readyz/disable (until /readyz/enable)
//	everything else                      200 and an Answer
type httpContainer struct {
	config  Config
	pod     *corev1.Pod
	spec    *corev1.Container
	address netip.Addr
	unready atomic.Bool
}

// An Answer is what an HTTP container answers, as JSON.
type Answer struct {
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Message   string `json:"message"`
	Host      string `json:"host"`
	Path      string `json:"path"`
}

func (c *httpContainer) run(ctx context.Context, report func(state)) {
	failed := false
	for {
		listeners, err := c.listen(ctx)
		if err == nil {
			report(state{started: time.Now()})
			c.serve(ctx, listeners)
			return
		}
		if !failed {
			failed = true
			report(state{reason: "ListenFailed", message: err.Error()})
			c.config.Log.Warn("pod cannot listen, trying again", "pod", c.pod.Namespace+"/"+c.pod.Name, "error", err)
		}
		if !pause(ctx, time.Second) {
			return
		}
	}
}

// listen opens all TCP ports, or none.
func (c *httpContainer) listen(ctx context.Context) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, port := range c.spec.Ports {
		if !isTCP(port.Protocol) {
			continue
		}
		at := netip.AddrPortFrom(c.address, uint16(port.ContainerPort))
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at.String())
		if err != nil {
			for _, l := range listeners {
				err = errors.Join(err, l.Close())
			}
			return nil, err
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// serve serves until ctx ends, then lets requests finish within a second.
func (c *httpContainer) serve(ctx context.Context, listeners []net.Listener) {
	server := &http.Server{Handler: c.handler(), ReadHeaderTimeout: 10 * time.Second}
	for _, l := range listeners {
		go func() {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				c.config.Log.Warn("pod stopped serving", "pod", c.pod.Namespace+"/"+c.pod.Name, "address", l.Addr(), "error", err)
			}
		}()
	}
	<-ctx.Done()
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if server.Shutdown(deadline) != nil {
		_ = server.Close() // what is left is cut off; there is nobody to tell
	}
}

func (c *httpContainer) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if c.unready.Load() {
			http.Error(w, "made unready by /readyz/disable", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("POST /readyz/disable", func(http.ResponseWriter, *http.Request) { c.unready.Store(true) })
	mux.HandleFunc("POST /readyz/enable", func(http.ResponseWriter, *http.Request) { c.unready.Store(false) })
	message := c.message()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		// An error is the client's, which has gone.
		_ = json.NewEncoder(w).Encode(Answer{
			Cluster: c.config.Cluster, Namespace: c.pod.Namespace, Pod: c.pod.Name,
			Message: message, Host: r.Host, Path: r.URL.Path,
		})
	})
	return mux
}

func (c *httpContainer) message() string {
	env, err := environment(c.config, c.pod, c.spec, c.address)
	if err != nil {
		return err.Error() // nothing here depends on it but the message
	}
	for _, name := range []string{"PODINFO_UI_MESSAGE", "MESSAGE"} {
		if value, ok := env[name]; ok {
			return value
		}
	}
	if value, ok := c.pod.Annotations[MessageAnnotation]; ok {
		return value
	}
	return "hello from " + c.config.Cluster
}
