// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/meridian-gslb/meridian/controllers"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/lastgood"
	"github.com/meridian-gslb/meridian/internal/state"
)

// loadSaved gives the last good world; nil if there is none that can be used.
func (p *process) loadSaved() *gslb.Saved {
	dir := p.settings.StateDir
	if dir == "" {
		return nil
	}
	if err := lastgood.Try(dir); err != nil {
		p.log.Error("the state folder cannot be written; this process serves, and a restart without the API would know nothing, or something older", "state_dir", dir, "error", err)
	}
	saved, err := lastgood.Load(dir, p.settings.Self)
	switch {
	case errors.Is(err, state.ErrNone):
		p.log.Info("no world is kept yet", "state_dir", dir)
	case err != nil:
		if errors.Is(err, state.ErrSetAside) {
			p.aside++
		}
		p.log.Error("the world of before cannot be used; starting without", "error", err)
	default:
		if !p.settings.K8gb {
			dropUnsigned(saved)
		}
		p.log.Info("going on from the last good world", "saved", saved.At, "zones", len(saved.Zones), "offers", len(saved.Offers), "reports", len(saved.Reports))
		return saved
	}
	return nil
}

// setAside puts the saved world of another cluster out of use, and gives why.
func (p *process) setAside(saved *gslb.Saved, id string) error {
	err := lastgood.SetAside(p.settings.StateDir, fmt.Errorf("it is the world of the cluster with id %s; this one has id %s", saved.ClusterID, id))
	if errors.Is(err, state.ErrSetAside) {
		p.aside++
	}
	p.log.Error("the world of before cannot be used", "error", err)
	return err
}

// addState keeps the world while we run. An identity that only the saved world told is
// verified as soon as the API answers; if it is another one, everything we say is that
// of another cluster, and the process ends in order to start anew.
func (p *process) addState(store *gslb.Store, src source) error {
	if p.settings.StateDir == "" {
		return nil
	}
	keeper, err := lastgood.New(lastgood.Config{
		Dir: p.settings.StateDir, Worlds: store.Mailbox().C(), Save: store.Save, Log: p.log, Registerer: p.registry,
		SetAside: p.aside,
	})
	if err != nil {
		return err
	}
	p.run("state", keeper.Run)
	if !src.believed {
		return nil
	}
	p.run("identity", func(ctx context.Context) error {
		id, err := controllers.WaitClusterID(ctx, src.rest, p.log)
		if err != nil {
			return err // ctx ended, which is no failure to whoever runs this
		}
		if id == src.clusterID {
			return nil
		}
		return p.setAside(&gslb.Saved{ClusterID: src.clusterID}, id)
	})
	return nil
}
