// SPDX-License-Identifier: Apache-2.0

package v1beta1

// The types in this file are those of networking.k8s.io/v1 with a bound on every
// list and string, so that the API server can bound the cost of the CEL rules.

// IngressSpec is the embedded Ingress.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.backend) && has(self.defaultBackend))",fieldPath=".backend",message="backend and defaultBackend are two names for the same field: set one"
type IngressSpec struct {
	// ingressClassName is the class of the Ingress, by default the cluster's.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="not an object name: use lower-case letters, digits, dashes and dots, beginning and ending with a letter or digit"
	// +optional
	IngressClassName *string `json:"ingressClassName,omitempty"`
	// defaultBackend takes requests that no rule matches.
	// +optional
	DefaultBackend *IngressBackend `json:"defaultBackend,omitempty"`
	// backend is another name for defaultBackend.
	// +optional
	Backend *IngressBackend `json:"backend,omitempty"`
	// tls are the certificates of the hosts.
	// +kubebuilder:validation:MaxItems=64
	// +listType=atomic
	// +optional
	TLS []IngressTLS `json:"tls,omitempty"`
	// rules say which Services stand behind which host. Each host is balanced.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +listType=atomic
	// +required
	Rules []IngressRule `json:"rules"`
}

// IngressTLS is the certificate of some hosts.
type IngressTLS struct {
	// hosts that the certificate is for.
	// +kubebuilder:validation:MaxItems=64
	// +listType=atomic
	// +optional
	Hosts []TLSHost `json:"hosts,omitempty"`
	// secretName is the Secret that holds the certificate.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self == '' || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="not an object name: use lower-case letters, digits, dashes and dots, beginning and ending with a letter or digit"
	// +optional
	SecretName string `json:"secretName,omitempty"`
}

// TLSHost is a host name in a certificate.
//
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="self.matches('^([*][.])?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?([.][a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$')",message="not a host name: use lower-case labels of letters, digits and dashes, joined by dots, such as app.cloud.example.com; only the first label may be *"
type TLSHost string

// IngressRule is one host and what stands behind it.
type IngressRule struct {
	// host is the name that clients ask for, below one of the zones. A leftmost label
	// "*" stands for any one label.
	// +required
	Host Host `json:"host"`
	// http are the paths of the host.
	// +required
	HTTP *HTTPIngressRuleValue `json:"http"`
}

// Host is a balanced host: a lower-case DNS name, or a wildcard.
//
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="self.split('.').exists(label, label == '_report') || self.matches('^([*]|[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)([.][a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)+$')",message="not a host: write the whole name in lower-case labels of letters, digits and dashes, joined by dots, such as app.cloud.example.com; only the first label may be *"
// +kubebuilder:validation:XValidation:rule="!self.split('.').exists(label, label == '_report')",message="a host may not have the label _report: clusters exchange their reports below such names"
type Host string

// HTTPIngressRuleValue are the paths of a host.
type HTTPIngressRuleValue struct {
	// paths say which Service takes which path.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +listType=atomic
	// +required
	Paths []HTTPIngressPath `json:"paths"`
}

// HTTPIngressPath is one path and its backend.
//
// +kubebuilder:validation:XValidation:rule="self.pathType == 'ImplementationSpecific' || has(self.path)",message="pathType Exact and Prefix need path"
// +kubebuilder:validation:XValidation:rule="self.pathType == 'ImplementationSpecific' || !has(self.path) || !(self.path.contains('//') || self.path.contains('/./') || self.path.contains('/../') || self.path.contains('%2f') || self.path.contains('%2F') || self.path.endsWith('/.') || self.path.endsWith('/..'))",fieldPath=".path",message="with pathType Exact and Prefix, path may not contain //, /./, /../ or %2f, nor end in /. or /.."
type HTTPIngressPath struct {
	// path of the request.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self == '' || self.startsWith('/')",message="path begins with /"
	// +optional
	Path string `json:"path,omitempty"`
	// pathType says how path is compared.
	// +kubebuilder:validation:Enum=Exact;Prefix;ImplementationSpecific
	// +required
	PathType *PathType `json:"pathType"`
	// backend takes the requests.
	// +required
	Backend IngressBackend `json:"backend"`
}

// PathType says how a path is compared: Exact, Prefix or ImplementationSpecific.
type PathType string

// IngressBackend is what takes requests.
//
// +kubebuilder:validation:XValidation:rule="has(self.service) != has(self.resource)",message="set service or resource, exactly one of them"
type IngressBackend struct {
	// service takes the requests; its endpoints give the health of the host.
	// +optional
	Service *IngressServiceBackend `json:"service,omitempty"`
	// resource takes the requests, for Ingress controllers that know such.
	// +optional
	Resource *ResourceBackend `json:"resource,omitempty"`
}

// IngressServiceBackend is a port of a Service in the namespace of the Gslb.
type IngressServiceBackend struct {
	// name of the Service.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="not the name of a Service: use lower-case letters, digits and dashes, beginning and ending with a letter or digit"
	// +required
	Name string `json:"name"`
	// port of the Service.
	// +required
	Port ServiceBackendPort `json:"port"`
}

// ServiceBackendPort is a port by name or by number.
//
// +kubebuilder:validation:XValidation:rule="has(self.name) != has(self.number)",message="set name or number, exactly one of them"
type ServiceBackendPort struct {
	// name of the port.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]+(-[a-z0-9]+)*$') && self.matches('[a-z]')",message="not the name of a port: use lower-case letters, digits and single dashes, at least one letter"
	// +optional
	Name string `json:"name,omitempty"`
	// number of the port.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +optional
	Number int32 `json:"number,omitempty"`
}

// ResourceBackend is an object in the namespace of the Gslb.
type ResourceBackend struct {
	// apiGroup of the object.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	APIGroup *string `json:"apiGroup,omitempty"`
	// kind of the object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Kind string `json:"kind"`
	// name of the object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
}
