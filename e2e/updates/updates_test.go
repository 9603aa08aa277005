// SPDX-License-Identifier: Apache-2.0

//go:build e2e

// Package updates_test changes the zones of whole processes by dynamic update: with
// nsupdate of BIND, and with the solver of cert-manager as it was released.
package updates_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/gobuild"
	"github.com/meridian-gslb/meridian/internal/lab"
)

// patience bounds every wait; nothing here asserts a duration.
const patience = 60 * time.Second

const challenge = "_acme-challenge.app." + lab.Zone

// site is two clusters and their edge.
type site struct {
	t        *testing.T
	lab      *lab.Lab
	key      string // of updates, as a flag
	secret   string
	eu, us   *cluster
	nsupdate string
}

type cluster struct {
	s       *site
	tag     string
	at      string
	args    []string
	process *lab.Process
}

func newSite(t *testing.T) *site {
	t.Helper()
	nsupdate, err := exec.LookPath("nsupdate")
	if err != nil {
		t.Skip("nsupdate is not installed; on Debian: apt-get install bind9-dnsutils")
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "meridian")
	require.NoError(t, gobuild.Build(t.Context(), "", "../../cmd/meridian", bin))
	l, err := lab.New(t.Context(), dir, bin)
	require.NoError(t, err)
	s := &site{t: t, lab: l, nsupdate: nsupdate}
	t.Cleanup(func() {
		for _, c := range []*cluster{s.eu, s.us} {
			if t.Failed() && c != nil && c.process != nil {
				t.Logf("--- %s\n%s", c.tag, c.process.LogTail(40))
			}
		}
		assert.NoError(t, l.Close())
	})
	edgeKey, peerKey := s.newKey("edge"), s.newKey("peers")
	s.key = s.newKey("cert-manager")
	text, err := os.ReadFile(strings.SplitN(s.key, ":", 3)[2])
	require.NoError(t, err)
	s.secret = strings.TrimSpace(string(text))
	_, err = l.Start("edge", l.EdgeArgs(1, edgeKey)...)
	require.NoError(t, err)
	s.eu, s.us = s.cluster("eu", 11, edgeKey, peerKey), s.cluster("us", 12, edgeKey, peerKey)
	if l.NeedsPorts() {
		s.eu.args = append(s.eu.args, "--peers", "us="+s.us.at)
		s.us.args = append(s.us.args, "--peers", "eu="+s.eu.at)
	}
	s.eu.start()
	s.us.start()
	for _, c := range []*cluster{s.eu, s.us} {
		s.until("both clusters hear each other", func() bool {
			m, err := lab.Ask(t.Context(), c.at, lab.Zone, dns.TypeNS)
			return err == nil && len(m.Answer) == 2
		})
	}
	return s
}

func (s *site) newKey(name string) string {
	key, err := s.lab.Key(name)
	require.NoError(s.t, err)
	return key
}

func (s *site) cluster(tag string, n int, edgeKey, peerKey string) *cluster {
	objects := filepath.Join(s.lab.Dir, "objects-"+tag)
	require.NoError(s.t, os.MkdirAll(objects, 0o700))
	c := &cluster{s: s, tag: tag, at: s.lab.At(n)}
	c.args = s.lab.ServeArgs(lab.Cluster{
		Tag: tag, N: n, EdgeAt: s.lab.At(1), EdgeKey: edgeKey, PeerKeys: []string{peerKey}, HTTP: 8080,
		Extra: []string{"--manifests", objects, "--state-dir", filepath.Join(s.lab.Dir, "state-"+tag), "--update-tsig-key", s.key},
	})
	return c
}

func (c *cluster) start() {
	p, err := c.s.lab.Start(c.tag, c.args...)
	require.NoError(c.s.t, err)
	c.process = p
}

func (s *site) until(what string, f func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	require.NoError(s.t, lab.Until(ctx, f), "waiting until %s", what)
}

// txt gives the tokens at a name, as one line.
func (c *cluster) txt(name string) string {
	m, err := lab.Ask(c.s.t.Context(), c.at, name, dns.TypeTXT)
	if err != nil {
		return err.Error()
	}
	if m.Rcode != dns.RcodeSuccess {
		return dns.RcodeToString[m.Rcode]
	}
	var out []string
	for _, rr := range m.Answer {
		out = append(out, strings.Join(rr.(*dns.TXT).Txt, "|"))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// await waits until both clusters have these tokens at a name, and gives how long.
func (s *site) await(name, want string) {
	s.t.Helper()
	began := time.Now()
	for _, c := range []*cluster{s.eu, s.us} {
		s.until(fmt.Sprintf("%s has %q at %s", c.tag, want, name), func() bool { return c.txt(name) == want })
	}
	s.t.Logf("%s is %q at both after %v", name, want, time.Since(began).Round(time.Millisecond))
}

// update sends commands by nsupdate, and gives what it says.
func (c *cluster) update(key string, commands ...string) string {
	c.s.t.Helper()
	host, port, err := net.SplitHostPort(c.at)
	require.NoError(c.s.t, err)
	args := []string{"-t", "20"}
	if key != "" {
		args = append(args, "-y", key)
	}
	cmd := exec.CommandContext(c.s.t.Context(), c.s.nsupdate, args...)
	cmd.Stdin = strings.NewReader(fmt.Sprintf("server %s %s\nzone %s\n%s\nsend\n", host, port, lab.Zone, strings.Join(commands, "\n")))
	out, err := cmd.CombinedOutput()
	if err == nil {
		return "ok" + string(out)
	}
	return string(out)
}

func TestNSUpdate(t *testing.T) {
	s := newSite(t)
	good := "hmac-sha256:cert-manager:" + s.secret
	require.Equal(t, "NXDOMAIN", s.eu.txt(challenge))
	require.Equal(t, "ok", s.eu.update(good, "update add "+challenge+" 60 TXT of-eu"))
	assert.Equal(t, "of-eu", s.eu.txt(challenge), "what is acknowledged is served")
	s.await(challenge, "of-eu")
	require.Equal(t, "ok", s.us.update(good, "update add "+challenge+` 60 TXT "of us" both`, "update add "+challenge+" 60 TXT both"))
	require.Equal(t, "ok", s.eu.update(good, "update add "+challenge+" 60 TXT both"))
	s.await(challenge, "both of us|both of-eu")

	t.Log("prerequisites")
	assert.Contains(t, s.eu.update(good, "prereq nxdomain "+challenge, "update add "+challenge+" 60 TXT no"), "YXDOMAIN")
	assert.Contains(t, s.eu.update(good, "prereq yxdomain absent."+lab.Zone, "update add "+challenge+" 60 TXT no"), "NXDOMAIN")
	assert.Contains(t, s.eu.update(good, "prereq nxrrset "+challenge+" TXT", "update add "+challenge+" 60 TXT no"), "YXRRSET")
	assert.Contains(t, s.eu.update(good, "prereq yxrrset "+challenge+" TXT both", "update add "+challenge+" 60 TXT no"), "NXRRSET")
	assert.Equal(t, "ok", s.eu.update(good, "prereq yxrrset "+challenge+" TXT both", "prereq yxrrset "+challenge+" TXT of-eu", "prereq yxrrset "+challenge+` TXT "of us" both`))

	t.Log("what is not allowed")
	assert.Contains(t, s.eu.update("", "update delete "+challenge+" TXT"), "REFUSED")
	assert.Contains(t, s.eu.update("hmac-sha256:stranger:"+s.secret, "update delete "+challenge+" TXT"), "NOTAUTH(BADKEY)")
	assert.Contains(t, s.eu.update("hmac-sha512:cert-manager:"+s.secret, "update delete "+challenge+" TXT"), "NOTAUTH(BADKEY)")
	assert.Contains(t, s.eu.update("hmac-sha256:cert-manager:"+base64.StdEncoding.EncodeToString(make([]byte, 32)), "update delete "+challenge+" TXT"), "NOTAUTH(BADSIG)")
	assert.Contains(t, s.eu.update(good, "update delete "+challenge+" TXT", "update add www."+lab.Zone+" 60 TXT no"), "REFUSED")
	assert.Contains(t, s.eu.update(good, "update add "+challenge+" 60 CAA 0 issue ca.example"), "REFUSED")
	assert.Equal(t, "both of us|both of-eu", s.eu.txt(challenge), "nothing changed")

	t.Log("a restart")
	require.NoError(t, s.eu.process.Kill())
	s.eu.start()
	s.await(challenge, "both of us|both of-eu")

	t.Log("each deletes its own")
	require.Equal(t, "ok", s.eu.update(good, "update delete "+challenge+" TXT"))
	s.await(challenge, "both of us|both")
	require.Equal(t, "ok", s.us.update(good, "update delete "+challenge))
	s.await(challenge, "NXDOMAIN")
	log := s.eu.process.Log()
	assert.Contains(t, log, "zone updated")
	assert.NotContains(t, log, s.secret)
}

// issuerOf gives the issuer of docs/acme.md, pointed to a cluster, with its Secret.
func (c *cluster) issuer() string {
	c.s.t.Helper()
	page, err := os.ReadFile("../../docs/acme.md")
	require.NoError(c.s.t, err)
	_, issuer, ok := strings.Cut(string(page), "```yaml\napiVersion: cert-manager.io/v1\nkind: ClusterIssuer\n")
	require.True(c.s.t, ok, "docs/acme.md shows an issuer")
	issuer, _, _ = strings.Cut(issuer, "```")
	const server = "nameserver: meridian.meridian.svc.cluster.local:53\n"
	require.Contains(c.s.t, issuer, server)
	issuer = strings.Replace(issuer, server, "nameserver: "+strconv.Quote(c.at)+"\n", 1)
	text := fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: meridian-update}\nstringData: {secret: %s}\n---\napiVersion: cert-manager.io/v1\nkind: ClusterIssuer\n%s", c.s.secret, issuer)
	file := filepath.Join(c.s.lab.Dir, "issuer-"+c.tag+".yaml")
	require.NoError(c.s.t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// TestCertManager: two clusters renew at once, each by its own cert-manager, for two
// names and for one. The tokens are found at both, by cert-manager's own check too.
func TestCertManager(t *testing.T) {
	s := newSite(t)
	bin := filepath.Join(s.lab.Dir, "certmanager")
	require.NoError(t, gobuild.Build(t.Context(), "../certmanager", ".", bin))
	issuers := map[*cluster]string{s.eu: s.eu.issuer(), s.us: s.us.issuer()}
	run := func(c *cluster, verb, host, token string) error {
		out, err := exec.CommandContext(t.Context(), bin, verb, "-issuer", issuers[c], "-host", host, "-key", token, "-resolver", c.at).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s %s at %s: %w\n%s", verb, host, c.tag, err, out)
		}
		return nil
	}
	both := func(verb string) {
		errs := make(chan error, 6)
		for c, tokens := range map[*cluster][]string{s.eu: {"app", "token-eu", "shared", "one-of-eu", "*.shared", "wild-of-eu"}, s.us: {"www", "token-us", "shared", "one-of-us", "*.shared", "wild-of-us"}} {
			for i := 0; i < len(tokens); i += 2 {
				go func() { errs <- run(c, verb, tokens[i]+"."+lab.Zone, tokens[i+1]) }()
			}
		}
		for range cap(errs) {
			require.NoError(t, <-errs)
		}
	}
	both("present")
	s.await("_acme-challenge.app."+lab.Zone, "token-eu")
	s.await("_acme-challenge.www."+lab.Zone, "token-us")
	s.await("_acme-challenge.shared."+lab.Zone, "one-of-eu one-of-us wild-of-eu wild-of-us")
	for _, c := range []*cluster{s.eu, s.us} {
		require.NoError(t, run(c, "check", "app."+lab.Zone, "token-eu"))
		require.NoError(t, run(c, "check", "www."+lab.Zone, "token-us"))
		require.NoError(t, run(c, "check", "shared."+lab.Zone, "one-of-us"))
		require.Error(t, run(c, "check", "shared."+lab.Zone, "of-nobody"))
	}
	t.Log("eu is done with the shared name, us is not")
	require.NoError(t, run(s.eu, "cleanup", "shared."+lab.Zone, "one-of-eu"))
	s.await("_acme-challenge.shared."+lab.Zone, "one-of-us wild-of-eu wild-of-us")
	both("cleanup")
	for _, host := range []string{"app", "www", "shared"} {
		s.await("_acme-challenge."+host+"."+lab.Zone, "NXDOMAIN")
	}
}
