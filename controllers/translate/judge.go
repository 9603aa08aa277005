// SPDX-License-Identifier: Apache-2.0

package translate

import "github.com/meridian-gslb/meridian/gslb"

// judge says how healthy an entry of a host is.
//
//	address  | Services  | its gateway, and the pods at it | health    | reason
//	unknown  | any       | any                             | unknown   | HostnameUnresolved
//	known    | unhealthy | any                             | unhealthy | of the Services
//	known    | any other | nothing listens there           | unhealthy | NotProgrammed
//	known    | any other | no pod is ready                 | unhealthy | EntryNotReady
//	known    | any other | fine, or not known              | of the Services
func (e *entry) judge(s *HostStatus) (gslb.Health, gslb.Reason) {
	switch {
	case !e.Addr.IsValid():
		return gslb.HealthUnknown, gslb.ReasonUnresolved
	case s.Readiness == gslb.Unhealthy:
	case e.at.Down != "":
		return gslb.Unhealthy, gslb.ReasonNotProgrammed
	case e.closed != "":
		return gslb.Unhealthy, gslb.ReasonEntryNotReady
	}
	return s.Readiness, s.ReadinessReason
}

// healthOf sums up how healthy a host is at its entries. Services that cannot serve need
// no entry to be known for it; Services that can are not enough.
//
//	Services  | entries                        | health
//	unhealthy | any                            | unhealthy
//	any other | none                           | unknown
//	any other | all are unhealthy              | unhealthy
//	any other | some are healthy               | healthy
//	any other | none of these                  | unknown
func healthOf(s *HostStatus, list []entry) gslb.Health {
	if s.Readiness == gslb.Unhealthy {
		return gslb.Unhealthy
	}
	var o gslb.Offer
	for i := range list {
		e := list[i].Entry
		e.Health, _ = list[i].judge(s)
		o.Entries = append(o.Entries, e)
	}
	return o.Health()
}
