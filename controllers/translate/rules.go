// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// Problem is a field that breaks a rule.
type Problem struct {
	Path    string // such as "spec.strategy.weight"
	Message string // what is wrong, and what would be right
}

// String is path and message.
func (p Problem) String() string { return p.Path + ": " + p.Message }

// problems collects the rules that are broken. The API server holds the same rules
// (CEL in api/v1beta1) for objects that it takes; these are for objects that none
// has seen, or one without CEL.
type problems []Problem

func (p *problems) add(path, format string, args ...any) {
	*p = append(*p, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (p *problems) when(broken bool, path, format string, args ...any) {
	if broken {
		p.add(path, format, args...)
	}
}

// within checks an optional number.
func (p *problems) within(path string, value *int32, low, high int32) {
	p.when(value != nil && (*value < low || *value > high), path, "must be a number from %d to %d", low, high)
}

// specProblems gives the rules that a spec breaks as a whole. Its hosts are not
// offered then: what would be answered is not what was asked for.
func specProblems(spec *gslbv1beta1.GslbSpec) []Problem {
	var p problems
	p.when(spec.Ingress == nil && spec.ResourceRef == nil, "spec", "set ingress (an embedded Ingress) or resourceRef (an object that is there already)")
	p.when(spec.Ingress != nil && spec.ResourceRef != nil, "spec", "set ingress or resourceRef, not both")
	strategyRules(&p, &spec.Strategy)
	switch spec.ServiceHealthPolicy {
	case "", gslbv1beta1.ServiceHealthAny, gslbv1beta1.ServiceHealthAll:
	default:
		p.add("spec.serviceHealthPolicy", "%q is not Any or All", spec.ServiceHealthPolicy)
	}
	switch spec.ServiceHealthScope {
	case "", gslbv1beta1.ScopeLocal, gslbv1beta1.ScopeClusterset, gslbv1beta1.ScopeGateway:
	case gslbv1beta1.ScopeProbe:
		p.when(spec.HealthCheck == nil, "spec.serviceHealthScope", "scope probe takes the probe's word alone, so healthCheck must be set")
	default:
		p.add("spec.serviceHealthScope", "%q is not local, clusterset, gateway or probe", spec.ServiceHealthScope)
	}
	p.when(!knownOverride(string(spec.Override)), "spec.override", "%q is not drain or force", spec.Override)
	for i, a := range spec.EntryAddresses {
		p.when(slices.Contains(spec.EntryAddresses[:i], a), fmt.Sprintf("spec.entryAddresses[%d]", i), "%s is there twice", a)
		if _, err := parseAddress(string(a), true); err != nil {
			p.add(fmt.Sprintf("spec.entryAddresses[%d]", i), "%v", err)
		}
	}
	if spec.HealthCheck != nil {
		checkRules(&p, spec.HealthCheck)
	}
	if spec.Ingress != nil && askless(spec.HealthCheck) {
		for i := range spec.Ingress.Rules {
			p.when(strings.HasPrefix(string(spec.Ingress.Rules[i].Host), "*."), "spec.healthCheck", "%s", wildcardCheck)
		}
	}
	return p
}

func knownOverride(value string) bool {
	switch gslbv1beta1.Override(value) {
	case "", gslbv1beta1.OverrideDrain, gslbv1beta1.OverrideForce:
		return true
	}
	return false
}

// strategyRules are those of spec.strategy.
func strategyRules(p *problems, s *gslbv1beta1.Strategy) {
	const at = "spec.strategy"
	failover, weighted := false, false
	switch s.Type {
	case gslbv1beta1.Failover:
		failover = true
		p.when(s.PrimaryGeoTag == "" && len(s.FailoverOrder) == 0, at, "failover needs primaryGeoTag (one geo tag) or failoverOrder (geo tags, the first choice first)")
	case gslbv1beta1.RoundRobin:
		weighted = true
	case gslbv1beta1.WeightedRoundRobin:
		weighted = true
		p.when(len(s.Weight) == 0, at, "weightedRoundRobin needs weight: a number from 0 to 1000 for each geo tag, such as {eu: 3, us: 1}")
	case gslbv1beta1.GeoIP:
	default:
		p.add(at+".type", "%q is not a strategy: use roundRobin, weightedRoundRobin, failover or geoip", s.Type)
		return
	}
	p.when(s.PrimaryGeoTag != "" && !failover, at+".primaryGeoTag", "primaryGeoTag goes with type failover only")
	p.when(len(s.FailoverOrder) > 0 && !failover, at+".failoverOrder", "failoverOrder goes with type failover only")
	p.when(len(s.Weight) > 0 && !weighted, at+".weight", "weight goes with type roundRobin or weightedRoundRobin only")
	p.when(s.PrimaryGeoTag != "" && len(s.FailoverOrder) > 0 && s.FailoverOrder[0] != s.PrimaryGeoTag, at+".primaryGeoTag",
		"primaryGeoTag and failoverOrder disagree: make primaryGeoTag the first of failoverOrder, or leave one of them out")
	tagRules(p, s)
	p.within(at+".dnsTtlSeconds", s.DNSTTLSeconds, 0, 86400)
	p.within(at+".splitBrainThresholdSeconds", s.SplitBrainThresholdSeconds, 5, 86400)
	p.within(at+".returnDelaySeconds", s.ReturnDelaySeconds, 0, 3600)
	p.within(at+".maxAnswers", s.MaxAnswers, 1, 100)
	switch s.HostnameAnswers {
	case "", gslbv1beta1.HostnamesAsAddresses, gslbv1beta1.HostnamesAsCNAME:
	default:
		p.add(at+".hostnameAnswers", "%q is not Addresses or CNAME", s.HostnameAnswers)
	}
	emptyRules(p, s)
}

// tagRules are those of the geo tags and weights in spec.strategy.
func tagRules(p *problems, s *gslbv1beta1.Strategy) {
	tag := func(path, value string) {
		if t, err := gslb.ParseGeoTag(value); err != nil {
			p.add(path, "%v", err)
		} else {
			p.when(string(t) != value, path, "%q is not a geo tag: use lower-case letters, as in %q", value, t)
		}
	}
	if s.PrimaryGeoTag != "" {
		tag("spec.strategy.primaryGeoTag", string(s.PrimaryGeoTag))
	}
	for i, t := range s.FailoverOrder {
		path := fmt.Sprintf("spec.strategy.failoverOrder[%d]", i)
		tag(path, string(t))
		p.when(slices.Contains(s.FailoverOrder[:i], t), path, "each geo tag may stand in failoverOrder once, and %q is there twice", t)
	}
	for _, t := range slices.Sorted(maps.Keys(s.Weight)) {
		path := "spec.strategy.weight[" + t + "]"
		tag(path, t)
		p.when(s.Weight[t] < 0 || s.Weight[t] > 1000, path, "must be a number from 0 to 1000")
	}
}

// emptyRules are those of what is answered when nothing can serve.
func emptyRules(p *problems, s *gslbv1beta1.Strategy) {
	const at = "spec.strategy"
	fallback := false
	switch s.WhenAllUnhealthy {
	case "", gslbv1beta1.AnswerEmpty, gslbv1beta1.AnswerLastHealthy, gslbv1beta1.AnswerAll:
	case gslbv1beta1.AnswerFallback:
		fallback = true
		p.when(len(s.FallbackAddresses) == 0, at+".whenAllUnhealthy", "whenAllUnhealthy: fallback needs fallbackAddresses, the addresses to answer then")
	default:
		p.add(at+".whenAllUnhealthy", "%q is not empty, lastHealthy, all or fallback", s.WhenAllUnhealthy)
	}
	p.when(len(s.FallbackAddresses) > 0 && !fallback, at+".fallbackAddresses", "fallbackAddresses goes with whenAllUnhealthy: fallback only")
	for i, a := range s.FallbackAddresses {
		if _, err := parseAddress(string(a), true); err != nil {
			p.add(fmt.Sprintf("%s.fallbackAddresses[%d]", at, i), "%v", err)
		}
	}
}

const wildcardCheck = "a wildcard host cannot be asked for: set healthCheck.host to a name below it"

// askless reports that a check asks for the balanced host itself.
func askless(h *gslbv1beta1.HealthCheck) bool {
	return h != nil && h.Kind != gslbv1beta1.CheckTCP && h.Host == ""
}

// knownStatus reports that a value is a status code or a range of them.
func knownStatus(value *intstr.IntOrString) bool {
	if value == nil {
		return true
	}
	from, to, isRange := strings.Cut(value.String(), "-")
	if !isRange {
		to = from
	}
	low, errLow := strconv.ParseUint(from, 10, 16)
	high, errHigh := strconv.ParseUint(to, 10, 16)
	return errLow == nil && errHigh == nil && low >= 100 && low <= high && high <= 599
}

// checkRules are those of spec.healthCheck.
func checkRules(p *problems, h *gslbv1beta1.HealthCheck) {
	const at = "spec.healthCheck"
	switch h.Kind {
	case "", gslbv1beta1.CheckHTTP, gslbv1beta1.CheckHTTPS:
	case gslbv1beta1.CheckTCP:
		p.when(h.Port == nil, at, "kind TCP needs port")
		p.when(h.Path != "" || h.Host != "" || h.ExpectedStatus != nil, at, "path, host and expectedStatus go with kind HTTP or HTTPS only")
	default:
		p.add(at+".kind", "%q is not HTTP, HTTPS or TCP", h.Kind)
	}
	p.when(h.InsecureSkipVerify && h.Kind != gslbv1beta1.CheckHTTPS, at+".insecureSkipVerify", "insecureSkipVerify goes with kind HTTPS only")
	p.when(h.Path != "" && h.Path[0] != '/', at+".path", "path begins with /")
	if h.Host != "" {
		if n, err := gslb.ParseName(string(h.Host)); err != nil || n.IsWildcard() {
			p.add(at+".host", "%q is not a host name to ask for", h.Host)
		}
	}
	p.when(!knownStatus(h.ExpectedStatus), at+".expectedStatus", "give an HTTP status code from 100 to 599, or a range with the smaller one first, such as \"200-299\"")
	p.within(at+".port", h.Port, 1, 65535)
	p.within(at+".intervalSeconds", h.IntervalSeconds, 1, 3600)
	p.within(at+".timeoutSeconds", h.TimeoutSeconds, 1, 60)
	p.within(at+".rise", h.Rise, 1, 100)
	p.within(at+".fall", h.Fall, 1, 100)
	p.when(h.TimeoutSeconds != nil && h.IntervalSeconds != nil && *h.TimeoutSeconds > *h.IntervalSeconds, at+".timeoutSeconds",
		"timeoutSeconds may not be longer than intervalSeconds")
}
