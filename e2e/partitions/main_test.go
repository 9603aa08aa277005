// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meridian-gslb/meridian/internal/gobuild"
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

// testClock is meridian with a clock that tests can set.
var testClock struct {
	once sync.Once
	path string // where TestMain wants it
	err  error
}

// buildTestClock builds it for those who need it.
func buildTestClock() error {
	testClock.once.Do(func() {
		testClock.err = gobuild.BuildTagged(context.Background(), "", source, testClock.path, "testclock")
	})
	return testClock.err
}

const source = "../../cmd/meridian"

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
	testClock.path = filepath.Join(dir, "meridian-testclock")
	if given := os.Getenv(binaryEnv); given != "" {
		meridian.path = given
	} else if missing() == "" {
		meridian.path = filepath.Join(dir, "meridian")
		meridian.err = gobuild.Build(context.Background(), "", source, meridian.path)
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
