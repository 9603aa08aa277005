// SPDX-License-Identifier: Apache-2.0

// Command cmd fills the field tables of the API's reference pages. It is run from
// the root of the repository by `make generate`.
package main

import (
	"fmt"
	"os"

	"github.com/meridian-gslb/meridian/api/internal/gendocs"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

func main() {
	for page, file := range gendocs.Pages() {
		if err := fill(page, file); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", page, err)
			os.Exit(1)
		}
	}
}

func fill(page, file string) error {
	definition, err := gslbv1beta1.CRDs.ReadFile(file)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	filled, err := gendocs.Fill(string(text), definition)
	if err != nil {
		return err
	}
	return os.WriteFile(page, []byte(filled), 0o644)
}
