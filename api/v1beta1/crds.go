// SPDX-License-Identifier: Apache-2.0

package v1beta1

import "embed"

// CRDs holds the generated CustomResourceDefinitions, one YAML file each, below
// crds/. Tests, `meridian check` and the chart use these same bytes.
//
//go:embed crds/*.yaml
var CRDs embed.FS

// Paths in CRDs.
const (
	// GslbCRDFile is the definition of Gslb.
	GslbCRDFile = "crds/gslb.meridian.dev_gslbs.yaml"
	// ZoneDelegationCRDFile is the definition of ZoneDelegation.
	ZoneDelegationCRDFile = "crds/gslb.meridian.dev_zonedelegations.yaml"
)
