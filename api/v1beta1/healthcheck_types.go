// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
)

// HealthCheck asks each of this cluster's own entries, on the addresses that are
// answered to clients, whether the host is served there.
//
// +kubebuilder:validation:XValidation:rule="!has(self.timeoutSeconds) || !has(self.intervalSeconds) || self.timeoutSeconds <= self.intervalSeconds",fieldPath=".timeoutSeconds",message="timeoutSeconds may not be longer than intervalSeconds"
// +kubebuilder:validation:XValidation:rule="self.kind != 'TCP' || has(self.port)",message="kind TCP needs port"
// +kubebuilder:validation:XValidation:rule="self.kind != 'TCP' || (!has(self.path) && !has(self.host) && !has(self.expectedStatus))",message="path, host and expectedStatus go with kind HTTP or HTTPS only"
// +kubebuilder:validation:XValidation:rule="self.kind == 'HTTPS' || !has(self.insecureSkipVerify) || !self.insecureSkipVerify",fieldPath=".insecureSkipVerify",message="insecureSkipVerify goes with kind HTTPS only"
type HealthCheck struct {
	// kind is HTTP, HTTPS or TCP (it is enough that the connection is accepted).
	// +kubebuilder:default=HTTP
	// +optional
	Kind HealthCheckKind `json:"kind,omitempty"`

	// port is asked at each entry address. The default is 80 for HTTP and 443 for HTTPS;
	// TCP has none.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +optional
	Port *int32 `json:"port,omitempty"`

	// path is asked for, with its query if it has one. The default is "/".
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.startsWith('/')",message="path begins with /"
	// +optional
	Path string `json:"path,omitempty"`

	// host is sent as Host header and, with HTTPS, as server name (SNI). The default is the
	// balanced host itself.
	// +optional
	Host CheckHost `json:"host,omitempty"`

	// intervalSeconds is the time from one probe of an entry to the next, varied a little.
	// +kubebuilder:default=5
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	// +optional
	IntervalSeconds *int32 `json:"intervalSeconds,omitempty"`

	// timeoutSeconds is how long one probe may take. The default is 3, or intervalSeconds if
	// that is shorter.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=60
	// +optional
	TimeoutSeconds *int32 `json:"timeoutSeconds,omitempty"`

	// rise is the number of successes in a row that make an entry healthy.
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +optional
	Rise *int32 `json:"rise,omitempty"`

	// fall is the number of failures in a row that make an entry unhealthy.
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +optional
	Fall *int32 `json:"fall,omitempty"`

	// expectedStatus is the HTTP status code that counts as success, or a range of them
	// such as "200-299". The default is "200-399". Redirects are not followed.
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? (self >= 100 && self <= 599) : string(self).matches('^[1-5][0-9][0-9](-[1-5][0-9][0-9])?$') && string(self).substring(0, 3) <= string(self).substring(size(string(self)) - 3)",message="give an HTTP status code from 100 to 599, or a range with the smaller one first, such as \"200-299\""
	// +optional
	ExpectedStatus *intstr.IntOrString `json:"expectedStatus,omitempty"`

	// insecureSkipVerify accepts any certificate, with kind HTTPS. By default the
	// certificate must be one that a client would accept for the host.
	// +optional
	InsecureSkipVerify bool `json:"insecureSkipVerify,omitempty"`
}

// HealthCheckKind is how an entry is asked.
//
// +kubebuilder:validation:Enum=HTTP;HTTPS;TCP
type HealthCheckKind string

// Ways to ask an entry.
const (
	// CheckHTTP sends a GET request over plain TCP.
	CheckHTTP HealthCheckKind = "HTTP"
	// CheckHTTPS sends a GET request over TLS.
	CheckHTTPS HealthCheckKind = "HTTPS"
	// CheckTCP opens a connection.
	CheckTCP HealthCheckKind = "TCP"
)

// CheckHost is a lower-case DNS name.
//
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?([.][a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$')",message="not a host name: use lower-case labels of letters, digits and dashes, joined by dots, such as app.cloud.example.com"
type CheckHost string

// Defaults of a HealthCheck. The API server fills in those that do not depend on
// another field; the methods use them for objects that no server has seen.
const (
	// DefaultCheckIntervalSeconds is the time between two probes of one entry.
	DefaultCheckIntervalSeconds = 5
	// DefaultCheckTimeoutSeconds is how long one probe may take, at most the interval.
	DefaultCheckTimeoutSeconds = 3
	// DefaultCheckRise is the number of successes in a row that make an entry healthy.
	DefaultCheckRise = 2
	// DefaultCheckFall is the number of failures in a row that make an entry unhealthy.
	DefaultCheckFall = 3
	// DefaultCheckFirstStatus and DefaultCheckLastStatus bound the HTTP status codes that
	// count as success.
	DefaultCheckFirstStatus, DefaultCheckLastStatus = 200, 399
)

// Interval is the time from one probe of an entry to the next.
func (h *HealthCheck) Interval() time.Duration {
	return seconds(h.IntervalSeconds, DefaultCheckIntervalSeconds)
}

// Timeout is how long one probe may take; never longer than Interval.
func (h *HealthCheck) Timeout() time.Duration {
	return min(seconds(h.TimeoutSeconds, DefaultCheckTimeoutSeconds), h.Interval())
}

// RiseCount is the number of successes in a row that make an entry healthy.
func (h *HealthCheck) RiseCount() int { return int(valueOr(h.Rise, DefaultCheckRise)) }

// FallCount is the number of failures in a row that make an entry unhealthy.
func (h *HealthCheck) FallCount() int { return int(valueOr(h.Fall, DefaultCheckFall)) }

// PortOrDefault is the port that is asked: 80 for HTTP and 443 for HTTPS if none is
// given; 0 if TCP lacks one, which the schema refuses.
func (h *HealthCheck) PortOrDefault() uint16 {
	var otherwise int32
	switch h.Kind {
	case CheckHTTP, "":
		otherwise = 80
	case CheckHTTPS:
		otherwise = 443
	case CheckTCP:
	}
	return uint16(valueOr(h.Port, otherwise)) // the schema bounds it to 1..65535
}

// PathOrDefault is the path that is asked for, "/" if none is given.
func (h *HealthCheck) PathOrDefault() string {
	if h.Path == "" {
		return "/"
	}
	return h.Path
}

// StatusRange is the first and last HTTP status code that count as success. A value
// that the schema refuses counts as absent.
func (h *HealthCheck) StatusRange() (first, last int) {
	first, last = DefaultCheckFirstStatus, DefaultCheckLastStatus
	if h.ExpectedStatus == nil {
		return first, last
	}
	from, to, isRange := strings.Cut(h.ExpectedStatus.String(), "-")
	if !isRange {
		to = from
	}
	low, errLow := strconv.Atoi(from)
	high, errHigh := strconv.Atoi(to)
	if errLow != nil || errHigh != nil || low > high {
		return first, last
	}
	return low, high
}
