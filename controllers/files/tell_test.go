// SPDX-License-Identifier: Apache-2.0

package files_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// One mistake can be a condition of thousands of Gslbs: the log is no flood.
func TestConditionsOfManyGslbsAreSummedUp(t *testing.T) {
	dir := t.TempDir()
	application(t, dir)
	h := start(t, dir)
	h.untilAddrs("the folder is read", "192.0.2.10")
	var many []string
	for i := range 60 {
		one := gslbYAML(fmt.Sprintf("app%d.elsewhere.example.net", i))
		many = append(many, strings.Replace(one, "{name: app}", fmt.Sprintf("{name: many%d}", i), 1))
	}
	h.write("many.yaml", strings.Join(many, "---\n"))
	singly := 0
	for end := time.After(patience); ; {
		select {
		case r := <-h.logs:
			switch r.Message {
			case "condition is false":
				singly++
				continue
			case "more conditions changed":
				assert.Equal(t, 20, singly)
				assert.Contains(t, attributes(r), "count=")
				return
			}
		case <-end:
			require.FailNow(t, "never summed up", "%d conditions were told", singly)
		}
	}
}
