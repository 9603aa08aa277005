// SPDX-License-Identifier: Apache-2.0

// Command gen writes what is generated in this folder: the chart's copies of the CRDs,
// the tables of values in its README, and the kustomize base. The tests of the chart
// hold all of it equal to its sources.
package main

import (
	"fmt"
	"os"

	"github.com/meridian-gslb/meridian/chart/internal/generate"
)

func main() {
	files, err := generate.Files()
	if err == nil {
		err = generate.Write(files)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}
