// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"slices"
	"time"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// StatusOf makes the status that the controllers write of a Gslb that was translated to out,
// in a World that has taken its offers in and whose cluster has a peer key. It is pure; now is
// the time of what just changed against the status that g has.
func StatusOf(g *gslbv1beta1.Gslb, out *translate.Output, w *gslb.World, now time.Time) gslbv1beta1.GslbStatus {
	return statusOf(statusInput{gslb: g, out: out, world: w, peerKey: true, now: now})
}

// Down gives [translate.Input].Down as the controllers have it in a World: by geo tag and
// cluster id.
func Down(w *gslb.World) func(cluster string) bool {
	lost := namesOfLost(w)
	return func(cluster string) bool { return slices.Contains(lost, cluster) }
}

// Bare gives [translate.Input].Bare as the controllers have it in a World.
func Bare(w *gslb.World) func(host gslb.Name, cluster string) bool {
	return func(host gslb.Name, cluster string) bool { return slices.Contains(bareOf(w, w.Host(host)), cluster) }
}
