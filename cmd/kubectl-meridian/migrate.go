// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/api/k8gb"
	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

func newMigrate(a *access) *cobra.Command {
	m := &migration{}
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Move the objects of k8gb to Meridian's group, without a changed answer",
		Long: `Writes the twin in group gslb.meridian.dev of each Gslb and ZoneDelegation of k8gb, and makes
the embedded Ingresses belong to the twins. Without --apply it prints what it would do. The
objects of k8gb stay until --remove-old is given too; until then --undo takes the twins away
again. It can be stopped and run again at any moment: what is done stays done. Exit code 0:
nothing is in the way; 1: something is, and each line that says so names its object; 2: it was
called wrongly.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if m.removeOld && !m.apply {
				return usageError{errors.New("--remove-old goes with --apply; without it, the plan says what would be removed")}
			}
			if m.removeOld && m.back {
				return usageError{errors.New("--undo goes back to the objects that --remove-old removes: give one of the two")}
			}
			cfg, err := a.config()
			if err != nil {
				return err
			}
			scheme, err := migrationScheme()
			if err != nil {
				return err
			}
			if m.api, err = client.New(cfg, client.Options{Scheme: scheme}); err != nil {
				return fmt.Errorf("reaching the API server: %w", err)
			}
			m.namespace, m.out = a.namespace, cmd.OutOrStdout()
			return m.run(cmd.Context())
		},
	}
	fs := cmd.Flags()
	fs.BoolVar(&m.apply, "apply", false, "do it; without it the plan is printed")
	fs.BoolVar(&m.removeOld, "remove-old", false, "remove the objects of k8gb whose twin Meridian has taken over")
	fs.BoolVar(&m.back, "undo", false, "go back: take the twins away, so that the objects of k8gb count again")
	fs.DurationVar(&m.timeout, "timeout", time.Minute, "how long to wait for Meridian to take over a twin")
	return cmd
}

func migrationScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		gslbv1beta1.AddToScheme, k8gb.AddToScheme, absa.AddToScheme, networkingv1.AddToScheme, appsv1.AddToScheme, apiextensionsv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return scheme, nil
}

// migration is one run of the command.
type migration struct {
	api       client.Client
	out       io.Writer
	namespace string // of the Gslbs; "": all, and the ZoneDelegations
	apply     bool
	removeOld bool
	back      bool
	timeout   time.Duration

	problems int
}

// errBlocked ends a run in which something was in the way; each line that says so is
// printed.
var errBlocked = errors.New("something is in the way; see the lines that begin with blocked")

// run makes the plan and, if it is told to, does it, object by object: what blocks one
// keeps nothing from the others.
func (m *migration) run(ctx context.Context) error {
	if err := m.operator(ctx); err != nil {
		return err
	}
	if !m.back {
		if err := m.definitions(ctx); err != nil {
			return err
		}
	}
	moves, err := m.moves(ctx)
	if err != nil {
		return err
	}
	if len(moves) == 0 {
		m.say("ok", "there are no objects of k8gb in this cluster")
	}
	step := m.move
	if m.back {
		step = m.undo
	}
	for _, v := range moves {
		if err := step(ctx, v); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			m.blocked("%s: %v", v, err)
		}
	}
	if m.removeOld {
		for _, v := range moves {
			if err := m.remove(ctx, v, moves); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				m.blocked("%s is not removed: %v", v, err)
			}
		}
	}
	if m.problems > 0 {
		return errBlocked
	}
	if !m.apply {
		fmt.Fprintln(m.out, "Nothing was written: this is the plan; --apply does it.")
	}
	return nil
}

func (m *migration) say(what, format string, args ...any) {
	fmt.Fprintf(m.out, "%-8s %s\n", what, fmt.Sprintf(format, args...))
}

func (m *migration) blocked(format string, args ...any) {
	m.problems++
	m.say("blocked", format, args...)
}
