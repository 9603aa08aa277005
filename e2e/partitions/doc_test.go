// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

// Package partitions_test puts an edge (BIND), clusters (the real binary, on port 53) and
// clients into network namespaces, cuts, loses and freezes what is between them or
// in them, and asks everybody every 50 ms meanwhile: each server on its own, and as a
// resolver does that comes by the delegation. It runs with make e2e, as root; every world
// has namespaces without names, which end with the test whatever happens.
//
// What is held of every answer is in judge_test.go: there is one, it is not empty, its
// addresses could serve within the bound, serials do not fall, answers change once for a true
// cause, records of others at the edge stay, and all are equal in the end.
//
// The scenarios of agreement, and where each is:
//
//	two clusters, link cut, edge takes updates            TestLinkCut
//	… one way: packets; connections                       TestOneWayCut, TestOneWayConnections, TestOneWayConnectionsWithAThird
//	… some of it lost, late, twice, cut, forged           TestLoss, TestFaultyWays
//	two clusters, one dies; three                         TestClusterLost, TestClusterOfTwoInstancesLost
//	two clusters, the edge dies with the primary          TestEdgeDiesWithThePrimary
//	two clusters, link cut, one without the edge          TestLinkCutWithoutTheEdge
//	one cluster cut from everything but clients           TestCutOff
//	two clusters, ExternalDNS, link cut                   TestOnKubernetes (with a third cluster, and without), TestNoEdgeLinkCut, TestNoEdgeLinkCutWithAWitness
//	three clusters, one link cut                          TestThreeClustersOneLinkCut
//	three clusters, one cut from both                     TestThreeClustersOneCutFromBoth
//	all processes frozen, applications serve              TestMeridianFrozen, TestMeridianFrozenAndEntriesNotAsked
//	one of two and of three processes frozen              TestOneInstanceFrozen
//	rolling restart, one and two replicas                 TestRollingRestart
//	API away, a restart meanwhile                         TestOnKubernetes
//	clocks six minutes apart, two and three clusters      TestClocksApart
//	a key changed on one side only                        TestKeyChangedOnOneSide
//	own application down, peer lost                       TestOwnApplicationDownPeerLost
//	the edge away; restored from a backup                 TestEdgeAway, TestEdgeRestored
//
// A time namespace shifts the monotonic clock and the one since boot, never the wall clock,
// which all processes of a machine share. So the cluster whose clock is off runs a build of its
// own (-tags testclock), the same but for the clock that it stamps and judges signatures by.
//
// And faults upon faults: TestEdgeLostDuringACut, TestRestartDuringACut, TestDeathDuringACut,
// TestFlappingLink, TestStalls, TestCrashLoop, and TestDrawnFaults, where MERIDIAN_SEED draws
// others. BenchmarkLocalChange is what a dead peer adds to
// a change at home. MERIDIAN_BINARY names another binary to try; MERIDIAN_API_AWAY=10m has
// the API server away for that long.
package partitions_test
