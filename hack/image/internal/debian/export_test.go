// SPDX-License-Identifier: Apache-2.0

package debian

// What reads the output of Debian's tools, for the tests.
var (
	Dependencies = dependencies
	IsLibrary    = isLibrary
)

// Promises gives names, files and hashes, line by line.
func Promises(text string) ([][3]string, error) {
	all, err := promises(text)
	var lines [][3]string
	for _, p := range all {
		lines = append(lines, [3]string{p.name, p.file, p.sha256})
	}
	return lines, err
}
