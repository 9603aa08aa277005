// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// atOnce is how many scenarios run side by side: they wait more than they work.
const atOnce = 12

// appEnv names the variable that makes this program an application: the addresses
// at which it answers HTTP.
const appEnv = "MERIDIAN_PARTITIONS_APPLICATION"

// binaryEnv names the variable with the path of a meridian to try instead of this source's.
const binaryEnv = "MERIDIAN_BINARY"

// meridian is what TestMain built.
var meridian struct {
	path string
	err  error
}

// TestMain builds meridian once for all scenarios.
func TestMain(m *testing.M) {
	if addrs := os.Getenv(appEnv); addrs != "" {
		fmt.Fprintln(os.Stderr, serveApplication(strings.Split(addrs, ",")))
		os.Exit(1)
	}
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		if err := flag.Set("test.parallel", strconv.Itoa(atOnce)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	dir, err := os.MkdirTemp("", "meridian-partitions-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if given := os.Getenv(binaryEnv); given != "" {
		meridian.path = given
	} else if missing() == "" {
		meridian.path = filepath.Join(dir, "meridian")
		if out, err := exec.Command("go", "build", "-o", meridian.path, "../../cmd/meridian").CombinedOutput(); err != nil {
			meridian.err = fmt.Errorf("building meridian: %w\n%s", err, out)
		}
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// serveApplication is the application of a cluster: whatever is asked, it serves.
func serveApplication(addrs []string) error {
	failed := make(chan error)
	for _, a := range addrs {
		srv := &http.Server{
			Addr: net.JoinHostPort(a, "80"), ReadHeaderTimeout: 5 * time.Second,
			Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { fmt.Fprintln(rw, r.Host) }),
		}
		go func() { failed <- srv.ListenAndServe() }()
	}
	return <-failed
}
