// SPDX-License-Identifier: Apache-2.0

package spawn_test

import (
	"io"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/spawn"
)

// TestProcessEndsWithTheSpawner tries often: a spawner that happens to begin on
// the process's first thread, which never ends, was seen to leave its processes.
func TestProcessEndsWithTheSpawner(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has a parent death signal")
	}
	for range 200 {
		processEnds(t)
	}
}

func processEnds(t *testing.T) {
	t.Helper()
	s := spawn.New()
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	t.Cleanup(func() { _ = stdin.Close() }) // ends cat if all else fails
	require.NoError(t, s.Start(cmd))

	group, err := syscall.Getpgid(cmd.Process.Pid)
	require.NoError(t, err)
	assert.Equal(t, cmd.Process.Pid, group, "a group of its own")

	s.Close()
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	status, ok := exit.Sys().(syscall.WaitStatus)
	require.True(t, ok)
	assert.Equal(t, syscall.SIGKILL, status.Signal())
	assert.ErrorIs(t, s.Start(exec.Command("cat")), spawn.ErrClosed)
}

func TestStartReportsWhatIsMissing(t *testing.T) {
	s := spawn.New()
	t.Cleanup(s.Close)
	cmd := exec.Command("/nonexistent/program")
	cmd.Stdout = io.Discard
	assert.ErrorContains(t, s.Start(cmd), "no such file")
}
