// SPDX-License-Identifier: Apache-2.0

package v1beta1

// ReadinessGate names a condition of another object, which has to be True for the hosts of
// a Gslb to be healthy in this cluster: a database that was promoted, a certificate that
// was issued, a migration that is over.
type ReadinessGate struct {
	// apiVersion of the object, such as apps/v1.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	APIVersion string `json:"apiVersion"`
	// kind of the object, such as Deployment.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Kind string `json:"kind"`
	// name of the object, which is in the namespace of the Gslb, or of cluster scope.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// conditionType is the type of the condition, such as Available, in status.conditions.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=316
	// +required
	ConditionType string `json:"conditionType"`
}
