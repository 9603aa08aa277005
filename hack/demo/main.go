// SPDX-License-Identifier: Apache-2.0

// Command demo tells Meridian's story on real API servers: two clusters, an edge
// zone, one application in both; eu's goes away, the answer changes, and comes
// back. With --once it ends after the story and its last line is JSON; otherwise
// it stays up and says how to look around. `make demo` runs it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	once := flag.Bool("once", false, "end after the story")
	bin := flag.String("meridian", "bin/meridian", "the meridian binary")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "demo shows Meridian on two real Kubernetes API servers; run it with: make demo [ONCE=1]")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *bin, *once)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo:", err)
		os.Exit(1)
	}
}

// run tells the story; whatever happens, all that was started is stopped.
func run(ctx context.Context, bin string, once bool) (err error) {
	bin, err = filepath.Abs(bin)
	if err != nil {
		return err
	}
	if _, err := os.Stat(bin); err != nil {
		return fmt.Errorf("the binary is missing: run make build first: %w", err)
	}
	dir, err := os.MkdirTemp("", "meridian-demo-")
	if err != nil {
		return err
	}
	s := &stage{dir: dir, bin: bin, out: os.Stdout}
	defer func() {
		if e := s.close(); err == nil {
			err = e
		}
		if err == nil {
			err = os.RemoveAll(dir)
		} else {
			fmt.Fprintln(os.Stderr, "logs are kept in", dir)
		}
	}()
	if err := s.set(ctx); err != nil {
		return err
	}
	result, err := s.tell(ctx)
	if err != nil {
		return err
	}
	line, err := json.Marshal(result)
	if err != nil {
		return err
	}
	if !once {
		s.usage()
		<-ctx.Done()
		s.say("\nStopping.")
		return nil
	}
	if err := s.close(); err != nil {
		return err
	}
	fmt.Fprintln(s.out, string(line))
	return nil
}

// result is the last line of a run with --once.
type result struct {
	Story      string           `json:"story"`
	FailoverMS map[string]int64 `json:"failover_ms"`
	FailbackMS map[string]int64 `json:"failback_ms"`
}

// patience bounds every single step of the story.
const patience = 60 * time.Second
