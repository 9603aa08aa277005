// SPDX-License-Identifier: Apache-2.0

package gendocs

import gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"

// Pages maps each reference page, by its path from the root of the repository, to
// its definition in gslbv1beta1.CRDs.
func Pages() map[string]string {
	return map[string]string{
		"docs/spec/v1beta1/gslb.md":           gslbv1beta1.GslbCRDFile,
		"docs/spec/v1beta1/zonedelegation.md": gslbv1beta1.ZoneDelegationCRDFile,
	}
}
