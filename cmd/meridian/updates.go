// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/meridian-gslb/meridian/controllers/challenges"
	dnsupdate "github.com/meridian-gslb/meridian/dnsserver/update"
	"github.com/meridian-gslb/meridian/gslb"
)

// challengesFirst is how long a start waits for the records of dynamic updates, so
// that a restart does not answer without them.
const challengesFirst = 3 * time.Second

// addUpdates makes what takes dynamic updates; nothing without a key for them.
func (p *process) addUpdates(store *gslb.Store, src source) error {
	s := p.settings
	if len(s.UpdateKeys) == 0 {
		return nil
	}
	storage, err := p.challengeStorage(store, src)
	if err != nil {
		return err
	}
	cfg := dnsupdate.Config{Storage: storage, Log: p.log, Registerer: p.registry}
	for _, k := range s.UpdateKeys {
		cfg.Keys = append(cfg.Keys, dnsupdate.Key{Key: k.Key, Scopes: k.Scopes})
	}
	if p.updates, err = dnsupdate.New(cfg); err != nil {
		return fmt.Errorf("--update-tsig-key: %w", err)
	}
	p.slow.lead(placeUpdate, p.updates)
	return nil
}

// challengeStorage gives the ConfigMap, or the file, that keeps the records.
func (p *process) challengeStorage(store *gslb.Store, src source) (dnsupdate.Storage, error) {
	s := p.settings
	if src.rest == nil {
		if s.StateDir == "" {
			p.log.Warn("the records of dynamic updates are kept in memory alone; give --state-dir to have them outlive the process")
		}
		return challenges.NewFile(s.StateDir, store, p.log)
	}
	o, err := challenges.NewObject(challenges.ObjectConfig{
		Rest: src.rest, Store: store, Namespace: src.namespace, Name: s.LeaseName + "-challenges", Dir: s.StateDir, Log: p.log,
	})
	if err != nil {
		return nil, err
	}
	p.run("challenges", o.Run)
	p.challenges = o
	return o, nil
}

// afterChallenges gives f, begun when the records of dynamic updates were read, or
// after a moment.
func (p *process) afterChallenges(f func(context.Context) error) func(context.Context) error {
	if p.challenges == nil {
		return f
	}
	return func(ctx context.Context) error {
		late := time.NewTimer(challengesFirst)
		defer late.Stop()
		select {
		case <-ctx.Done():
			return nil
		case <-p.challenges.Read():
		case <-late.C:
		}
		return f(ctx)
	}
}
