package gslbtest_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/meridian-gslb/meridian/internal/gslbtest"
)

func TestPrint(t *testing.T) {
	n, _ := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	if n == 0 {
		t.Skip("no SEED")
	}
	fmt.Println(strings.Join(gslbtest.Generate(n), "\n"))
}
