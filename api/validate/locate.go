// SPDX-License-Identifier: Apache-2.0

package validate

// LineOf gives the line of a field, such as spec.rules[0].host, of the object that
// begins in a line of a file, as [Object] has it: the field's own line, or that of the
// innermost thing around it that is there. It is object where the file has no object
// that begins there.
func LineOf(data []byte, object int, path string) int {
	for _, doc := range documents(data) {
		root := place{line: doc.line, node: doc.nodes()}
		if root.node == nil {
			continue
		}
		if root.find("") == object {
			return root.find(path)
		}
		for i := 0; ; i++ {
			item := place{line: doc.line, node: nodeAt(root.node, i)}
			if item.node == nil {
				break
			}
			if item.find("") == object {
				return item.find(path)
			}
		}
	}
	return object
}
