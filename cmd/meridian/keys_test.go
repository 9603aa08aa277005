// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/config"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// Who rotates a key and writes half of it is told: everything goes on as before, until a
// restart.
func TestAKeyFileThatCannotBeUsedIsToldOnce(t *testing.T) {
	const secret = "bWVyaWRpYW4gbWVyaWRpYW4gbWVyaWRpYW4="
	file := filepath.Join(t.TempDir(), "peers.key")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write(secret)
	peers, err := tsigkey.Parse("peers:hmac-sha256:" + file)
	require.NoError(t, err)
	other := tsigkey.FromSecret("edge", "hmac-sha256", make([]byte, 32))
	var logged bytes.Buffer
	w, err := newKeyWatch(&config.Settings{PeerKeys: []config.PeerKey{{Key: peers}}, EdgeKey: other},
		slog.New(slog.NewTextHandler(&logged, nil)), prometheus.NewRegistry())
	require.NoError(t, err)
	w.look()
	assert.Empty(t, logged.String())
	assert.Zero(t, testutil.ToFloat64(w.trouble))

	write("half a sec")
	w.look()
	w.look()
	assert.Equal(t, 1, strings.Count(logged.String(), "level=ERROR"), logged.String())
	assert.Contains(t, logged.String(), "key=peers. file="+file)
	assert.NotContains(t, logged.String(), "half a sec")
	assert.InDelta(t, 1, testutil.ToFloat64(w.trouble), 0)

	write(secret + "\n")
	w.look()
	assert.Contains(t, logged.String(), "the file of a TSIG key is used again")
	assert.Zero(t, testutil.ToFloat64(w.trouble))
}
