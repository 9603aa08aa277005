// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// endWithin is how long a process may take to end that was told to.
const endWithin = 30 * time.Second

// Process is one running meridian.
type Process struct {
	Name string

	cmd  *exec.Cmd
	log  string
	done chan struct{}
	err  error // valid after done
}

// Start runs the lab's binary with arguments; its output goes to NAME.log in
// the lab's folder. The process ends with the lab, or with this program.
func (l *Lab) Start(name string, args ...string) (*Process, error) {
	p := &Process{Name: name, log: filepath.Join(l.Dir, name+".log"), done: make(chan struct{})}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	defer func() { _ = out.Close() }()   // the child has its own descriptor
	p.cmd = exec.Command(l.Bin, args...) // ended in its own order by Close, and by the kernel if we die
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Dir = l.Dir
	p.cmd.SysProcAttr = childAttr()
	if err := start(p.cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	l.processes = append(l.processes, p)
	return p, nil
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode waits for the end and gives the exit code; -1 after a signal.
func (p *Process) ExitCode(ctx context.Context) (int, error) {
	select {
	case <-ctx.Done():
		return 0, fmt.Errorf("%s still runs: %w", p.Name, ctx.Err())
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	}
}

// Log gives what the process has printed so far.
func (p *Process) Log() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// LogTail gives the last lines of the log.
func (p *Process) LogTail(lines int) string {
	all := strings.Split(strings.TrimSpace(p.Log()), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Freeze stops the process where it is; Thaw lets it go on.
func (p *Process) Freeze() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (p *Process) Thaw() error { return p.cmd.Process.Signal(syscall.SIGCONT) }

// Kill ends the process without a word.
func (p *Process) Kill() error { return p.end(syscall.SIGKILL) }

// Stop ends the process as its supervisor would, and waits; one that does not
// go within endWithin is killed, and that is an error.
func (p *Process) Stop() error { return p.end(syscall.SIGTERM) }

func (p *Process) end(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping %s: %w", p.Name, err)
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(endWithin):
	}
	if err := p.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("killing %s: %w", p.Name, err)
	}
	<-p.done
	return fmt.Errorf("%s did not end within %v of %v and was killed", p.Name, endWithin, sig)
}

// Close stops every process that still runs, the last started first.
func (l *Lab) Close() error {
	var errs []error
	for i := len(l.processes) - 1; i >= 0; i-- {
		p := l.processes[i]
		select {
		case <-p.done:
			continue
		default:
		}
		if err := p.Thaw(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, err)
		}
		errs = append(errs, p.Stop())
	}
	return errors.Join(errs...)
}
