// SPDX-License-Identifier: Apache-2.0

package gendocs

import (
	"fmt"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// typeOf says what a field holds, with its bounds.
func typeOf(s *apiextensionsv1.JSONSchemaProps) string {
	switch {
	case len(s.Enum) > 0:
		var values []string
		for _, value := range s.Enum {
			values = append(values, "`"+strings.Trim(string(value.Raw), `"`)+"`")
		}
		return strings.Join(values, ", ")
	case s.XIntOrString:
		return "integer or string"
	case s.Type == "integer":
		return "integer" + between(s.Minimum, s.Maximum)
	case s.Type == "array":
		return "list" + bounds(s.MinItems, s.MaxItems, "item") + " of " + typeOf(s.Items.Schema)
	case s.AdditionalProperties != nil:
		return "map" + bounds(s.MinProperties, s.MaxProperties, "key") + " of string to " + typeOf(s.AdditionalProperties.Schema)
	case s.Format == "date-time":
		return "time"
	case s.Type == "string":
		return "string" + bounds(s.MinLength, s.MaxLength, "character")
	default:
		return s.Type
	}
}

func between(low, high *float64) string {
	switch {
	case low != nil && high != nil:
		return fmt.Sprintf(", %.0f to %.0f", *low, *high)
	case low != nil:
		return fmt.Sprintf(", at least %.0f", *low)
	case high != nil:
		return fmt.Sprintf(", at most %.0f", *high)
	default:
		return ""
	}
}

func bounds(low, high *int64, unit string) string {
	switch {
	case low != nil && high != nil:
		return fmt.Sprintf(" (%d to %d %ss)", *low, *high, unit)
	case high != nil:
		return fmt.Sprintf(" (at most %d %ss)", *high, unit)
	default:
		return ""
	}
}

func defaultOf(s *apiextensionsv1.JSONSchemaProps) string {
	if s.Default == nil {
		return ""
	}
	return "`" + strings.Trim(string(s.Default.Raw), `"`) + "`"
}
