// SPDX-License-Identifier: Apache-2.0

package main

// scenario is one kind of load.
type scenario struct {
	name      string
	about     string
	questions string   // file in the bench's folder
	dnsperf   []string // more arguments
	rcode     string   // of every answer
	weighted  bool     // asks the Meridian that draws between two clusters; others answer as ever
	rate      bool     // latency at a fixed rate, not work
	changes   bool     // 100 changes a second are published meanwhile; only of servers that can
}

// scenarios are measured in this order.
func scenarios() []*scenario {
	const exist, absent = "questions.txt", "absent.txt"
	return []*scenario{
		{name: "a", about: "A, four addresses in turn", questions: exist, rcode: "NOERROR"},
		{name: "weighted", about: "A, drawn by weights 1:3 between two clusters with two addresses each (Meridian alone)", questions: exist, rcode: "NOERROR", weighted: true},
		{name: "nxdomain", about: "names that do not exist", questions: absent, rcode: "NXDOMAIN"},
		{name: "edns", about: "A with EDNS", questions: exist, dnsperf: []string{"-e"}, rcode: "NOERROR"},
		{name: "cookie", about: "A with EDNS and the client's part of a DNS cookie; Meridian, BIND and gdnsd give theirs", questions: exist, dnsperf: []string{"-E", "10:0123456789abcdef"}, rcode: "NOERROR"},
		{name: "tcp", about: "A over four TCP connections, pipelined", questions: exist, dnsperf: []string{"-m", "tcp"}, rcode: "NOERROR"},
		{name: "changes", about: "A while 100 changes a second are published", questions: exist, rcode: "NOERROR", changes: true},
		{name: "latency", about: "A at a fixed rate", questions: exist, rcode: "NOERROR", rate: true},
		{name: "latency-changes", about: "A at a fixed rate while 100 changes a second are published", questions: exist, rcode: "NOERROR", rate: true, changes: true},
	}
}

func scenarioNames() []string {
	var names []string
	for _, s := range scenarios() {
		names = append(names, s.name)
	}
	return names
}
