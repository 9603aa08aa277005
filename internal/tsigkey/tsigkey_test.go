// SPDX-License-Identifier: Apache-2.0

package tsigkey_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

var (
	secretA = []byte("0123456789abcdef0123456789abcdef")
	secretB = []byte("another secret of thirty-two byte")
)

func encoded(secret []byte) string { return base64.StdEncoding.EncodeToString(secret) + "\n" }

// keyFile writes a file and gives its name.
func keyFile(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tsig.key")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

// rewrite changes a key file; the modification time moves even where the clock
// of the file system is coarse.
func rewrite(t *testing.T, file, content string, later time.Duration) {
	t.Helper()
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	at := time.Now().Add(later)
	require.NoError(t, os.Chtimes(file, at, at))
}

func TestParse(t *testing.T) {
	good := keyFile(t, encoded(secretA))
	long := keyFile(t, strings.Repeat("A", 5000))
	cases := []struct {
		name, spec string
		says       string // "" for a good one
		why        string
	}{
		{"good", "meridian:hmac-sha256:" + good, "", "as documented"},
		{"capitals and dots", "Meridian.Example.:HMAC-SHA512.:" + good, "", "names are compared in canonical form"},
		{"sha384", "k:hmac-sha384:" + good, "", "accepted"},
		{"nothing", "", "write NAME:ALGORITHM:FILE", "says the form"},
		{"no file", "meridian:hmac-sha256", "write NAME:ALGORITHM:FILE", "says the form"},
		{"empty file name", "meridian:hmac-sha256:", "write NAME:ALGORITHM:FILE", "says the form"},
		{"no name", ":hmac-sha256:" + good, "write NAME:ALGORITHM:FILE", "says the form"},
		{"bad name", "a..b:hmac-sha256:" + good, "not a key name", "a key name is a domain name"},
		{"weak algorithm", "meridian:hmac-md5:" + good, "use hmac-sha256, hmac-sha384 or hmac-sha512", "MD5 is left out on purpose"},
		{"SHA-1", "meridian:hmac-sha1:" + good, "use hmac-sha256", "SHA-1 too"},
		{"file is not there", "meridian:hmac-sha256:" + good + ".not", "no such file", "says which file"},
		{"no base64", "meridian:hmac-sha256:" + keyFile(t, "top secret!"), "head -c 32 /dev/urandom | base64", "says how to make one"},
		{"too short", "meridian:hmac-sha256:" + keyFile(t, encoded([]byte("short"))), "use 16 or more", "says how long"},
		{"empty", "meridian:hmac-sha256:" + keyFile(t, ""), "holds a secret of 0 octets", "an empty key signs anything"},
		{"not a key file", "meridian:hmac-sha256:" + long, "has 5000 bytes", "not read at all"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			k, err := tsigkey.Parse(c.spec)
			if c.says != "" {
				require.ErrorContains(t, err, c.says, c.why)
				for _, secret := range []string{"top secret", base64.StdEncoding.EncodeToString([]byte("short")), "AAAA"} {
					assert.NotContains(t, err.Error(), secret, "no part of a secret in an error")
				}
				return
			}
			require.NoError(t, err, c.why)
			secret, err := k.Secret()
			require.NoError(t, err)
			assert.Equal(t, secretA, secret)
			assert.Equal(t, dns.CanonicalName(k.Name), k.Name)
			assert.NotContains(t, k.String(), string(secretA))
			assert.NotContains(t, k.String(), base64.StdEncoding.EncodeToString(secretA))
		})
	}
}

func TestAKeyFileIsReadAgainWhenItChanges(t *testing.T) {
	file := keyFile(t, encoded(secretA))
	k, err := tsigkey.Parse("meridian:hmac-sha256:" + file)
	require.NoError(t, err)
	secret := func() []byte {
		s, err := k.Secret()
		require.NoError(t, err)
		return s
	}
	rewrite(t, file, encoded(secretB), time.Minute)
	assert.Equal(t, secretB, secret(), "rotated without a restart")
	assert.NoError(t, k.Trouble())
	rewrite(t, file, "half writ", 2*time.Minute)
	assert.Equal(t, secretB, secret(), "a broken file leaves the last good secret")
	require.ErrorContains(t, k.Trouble(), "does not hold base64")
	assert.NotContains(t, k.Trouble().Error(), "half writ", "what is in it may be a secret")
	require.NoError(t, os.Remove(file))
	assert.Equal(t, secretB, secret(), "so does one that is gone")
	require.ErrorIs(t, k.Trouble(), os.ErrNotExist)
	rewrite(t, file, encoded(secretA), 3*time.Minute)
	assert.Equal(t, secretA, secret(), "and back")
	assert.NoError(t, k.Trouble())
	assert.Equal(t, file, k.File())
}

func TestAMountedSecretIsReplacedByALink(t *testing.T) {
	dir := t.TempDir()
	for name, secret := range map[string][]byte{"v1": secretA, "v2": secretB} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name, "key"), []byte(encoded(secret)), 0o600))
	}
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(dir, "v1", "key"), old, old))
	data := filepath.Join(dir, "..data")
	require.NoError(t, os.Symlink("v1", data))
	k, err := tsigkey.Parse("meridian:hmac-sha256:" + filepath.Join(data, "key"))
	require.NoError(t, err)
	require.NoError(t, os.Symlink("v2", data+"_tmp"))
	require.NoError(t, os.Rename(data+"_tmp", data), "as the kubelet does")
	got, err := k.Secret()
	require.NoError(t, err)
	assert.Equal(t, secretB, got)
}

// message is a question that carries a TSIG for miekg/dns to sign.
func message(name, algorithm string) *dns.Msg {
	m := new(dns.Msg)
	m.SetAxfr("_report.eu.cloud.example.com.")
	m.SetTsig(name, algorithm, 300, time.Now().Unix())
	return m
}

// verify checks a copy: the library takes the TSIG out of the message that it verifies.
func verify(wire []byte, ring *tsigkey.Keyring) error {
	return dns.TsigVerifyWithProvider(bytes.Clone(wire), ring, "", false)
}

func TestSignAndVerifyAWholeMessage(t *testing.T) {
	for _, alg := range []string{dns.HmacSHA256, dns.HmacSHA384, dns.HmacSHA512} {
		ring := tsigkey.NewKeyring(tsigkey.FromSecret("Meridian", strings.TrimSuffix(alg, "."), secretA))
		wire, mac, err := dns.TsigGenerateWithProvider(message("meridian.", alg), ring, "", false)
		require.NoError(t, err)
		require.NotEmpty(t, mac)
		require.NoError(t, verify(wire, ring), alg)

		// the other implementation agrees
		require.NoError(t, dns.TsigVerify(wire, base64.StdEncoding.EncodeToString(secretA), "", false), alg)
		theirs, _, err := dns.TsigGenerate(message("meridian.", alg), base64.StdEncoding.EncodeToString(secretA), "", false)
		require.NoError(t, err)
		require.NoError(t, verify(theirs, ring), alg)
	}
}

// TestEveryFlippedBitIsNoticed: no octet of a signed message can change unseen
// but those that RFC 8945 §4.3 leaves out (the ID, which is the original one).
func TestEveryFlippedBitIsNoticed(t *testing.T) {
	ring := tsigkey.NewKeyring(tsigkey.FromSecret("meridian", "hmac-sha256", secretA))
	wire, _, err := dns.TsigGenerateWithProvider(message("meridian.", dns.HmacSHA256), ring, "", false)
	require.NoError(t, err)
	at := bytes.Index(wire, []byte("\x08meridian\x00")) + len("\x08meridian\x00") + 2
	for i := 2; i < len(wire); i++ {
		if i == at || i == at+1 {
			continue // the class of the TSIG itself: the library takes any for ANY, and hashes ANY
		}
		bad := bytes.Clone(wire)
		bad[i] ^= 1
		assert.Error(t, verify(bad, ring), "octet %d of %d", i, len(wire))
	}
}

func TestWhatIsWrongWithASignature(t *testing.T) {
	a256 := tsigkey.FromSecret("meridian", "hmac-sha256", secretA)
	b256 := tsigkey.FromSecret("meridian", "hmac-sha256", secretB)
	a512 := tsigkey.FromSecret("meridian", "hmac-sha512", secretA)
	other := tsigkey.FromSecret("other", "hmac-sha256", secretA)
	cases := []struct {
		name   string
		signer *tsigkey.Key
		alg    string
		ring   *tsigkey.Keyring
		want   error
		why    string
	}{
		{"same key", a256, dns.HmacSHA256, tsigkey.NewKeyring(a256), nil, "good"},
		{"one of several", b256, dns.HmacSHA256, tsigkey.NewKeyring(a256, b256), nil, "both are accepted while a key is rotated"},
		{"other order", a256, dns.HmacSHA256, tsigkey.NewKeyring(b256, a256), nil, "both are accepted while a key is rotated"},
		{"same name, two algorithms", a512, dns.HmacSHA512, tsigkey.NewKeyring(a256, a512), nil, "the one that fits is used"},
		{"wrong secret", b256, dns.HmacSHA256, tsigkey.NewKeyring(a256), dns.ErrSig, "BADSIG"},
		{"wrong secret for all", b256, dns.HmacSHA256, tsigkey.NewKeyring(a256, a256), dns.ErrSig, "BADSIG"},
		{"unknown name", other, dns.HmacSHA256, tsigkey.NewKeyring(a256), dns.ErrSecret, "BADKEY"},
		{"no keys", a256, dns.HmacSHA256, tsigkey.NewKeyring(), dns.ErrSecret, "BADKEY"},
		{"other algorithm", a512, dns.HmacSHA512, tsigkey.NewKeyring(a256), dns.ErrKeyAlg, "a weaker or stronger one is not slipped in"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			wire, _, err := dns.TsigGenerateWithProvider(message(c.signer.Name, c.alg), tsigkey.NewKeyring(c.signer), "", false)
			require.NoError(t, err)
			err = verify(wire, c.ring)
			if c.want == nil {
				assert.NoError(t, err, c.why)
				return
			}
			assert.ErrorIs(t, err, c.want, c.why)
		})
	}
}

func TestSigningPicksTheFirstKeyOfTheName(t *testing.T) {
	a := tsigkey.FromSecret("meridian", "hmac-sha256", secretA)
	b := tsigkey.FromSecret("meridian", "hmac-sha256", secretB)
	wire, _, err := dns.TsigGenerateWithProvider(message("meridian.", dns.HmacSHA256), tsigkey.NewKeyring(b, a), "", false)
	require.NoError(t, err)
	assert.NoError(t, verify(wire, tsigkey.NewKeyring(b)))
	assert.ErrorIs(t, verify(wire, tsigkey.NewKeyring(a)), dns.ErrSig)

	_, _, err = dns.TsigGenerateWithProvider(message("meridian.", dns.HmacSHA512), tsigkey.NewKeyring(a), "", false)
	require.ErrorIs(t, err, dns.ErrKeyAlg)
	_, _, err = dns.TsigGenerateWithProvider(message("nobody.", dns.HmacSHA256), tsigkey.NewKeyring(a), "", false)
	require.ErrorIs(t, err, dns.ErrSecret)
}

// TestAShortenedMACIsRefused: RFC 8945 §5.2.2.1 lets a site require the full
// length, and a MAC of a few octets can be guessed.
func TestAShortenedMACIsRefused(t *testing.T) {
	ring := tsigkey.NewKeyring(tsigkey.FromSecret("meridian", "hmac-sha256", secretA))
	rr := func(mac string) *dns.TSIG {
		return &dns.TSIG{Hdr: dns.RR_Header{Name: "meridian."}, Algorithm: dns.HmacSHA256, MAC: mac}
	}
	msg := []byte("what is signed")
	raw, err := ring.Generate(msg, rr(""))
	require.NoError(t, err)
	mac := hex.EncodeToString(raw)
	require.NoError(t, ring.Verify(msg, rr(mac)))
	for n := range len(mac) {
		require.ErrorIs(t, ring.Verify(msg, rr(mac[:n])), dns.ErrSig, "%d digits", n)
	}
	require.ErrorIs(t, ring.Verify(msg, rr("not hex")), dns.ErrSig)
	require.ErrorIs(t, ring.Verify(msg, rr(mac+"00")), dns.ErrSig)
}

func TestAKeyringIsNotChangedFromOutside(t *testing.T) {
	a, b := tsigkey.FromSecret("a", "hmac-sha256", secretA), tsigkey.FromSecret("b", "hmac-sha256", secretB)
	keys := []*tsigkey.Key{a}
	ring := tsigkey.NewKeyring(keys...)
	keys[0] = b
	ring.Keys()[0] = b
	assert.Equal(t, []*tsigkey.Key{a}, ring.Keys())
	assert.Same(t, a, ring.Find("A."))
	assert.Nil(t, ring.Find("b"))
	secret := []byte("0123456789abcdef")
	k := tsigkey.FromSecret("c", "hmac-sha256", secret)
	secret[0] = 'x'
	got, err := k.Secret()
	require.NoError(t, err)
	assert.Equal(t, "0123456789abcdef", string(got))
}

// TestConcurrentUseWhileRotating is for the race detector, and for this: whatever
// the moment, a message verifies with the old secret or with the new one.
func TestConcurrentUseWhileRotating(t *testing.T) {
	file := keyFile(t, encoded(secretA))
	k, err := tsigkey.Parse("meridian:hmac-sha256:" + file)
	require.NoError(t, err)
	ring := tsigkey.NewKeyring(k)
	either := tsigkey.NewKeyring(tsigkey.FromSecret("meridian", "hmac-sha256", secretA), tsigkey.FromSecret("meridian", "hmac-sha256", secretB))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				wire, _, err := dns.TsigGenerateWithProvider(message("meridian.", dns.HmacSHA256), ring, "", false)
				assert.NoError(t, err)
				assert.NoError(t, verify(wire, either))
			}
		})
	}
	for i := range 20 {
		rewrite(t, file, encoded([][]byte{secretB, secretA}[i%2]), time.Duration(i+1)*time.Minute)
	}
	wg.Wait()
}

// FuzzParse: no text given on a command line makes it panic, and what is accepted
// is canonical.
func FuzzParse(f *testing.F) {
	file := filepath.Join(f.TempDir(), "key")
	require.NoError(f, os.WriteFile(file, []byte(encoded(secretA)), 0o600))
	for _, s := range []string{"", "a:b:c", "meridian:hmac-sha256:", ":::", "é:hmac-sha256:x", "a.b.c:HMAC-SHA512:x", `a\:b:hmac-sha256:x`, `\0\:hmac-sha256:x`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, rest, _ := strings.Cut(s, ":")
		alg, _, _ := strings.Cut(rest, ":")
		k, err := tsigkey.Parse(name + ":" + alg + ":" + file)
		if err != nil {
			return
		}
		require.Equal(t, dns.CanonicalName(k.Name), k.Name)
		require.Contains(t, []string{dns.HmacSHA256, dns.HmacSHA384, dns.HmacSHA512}, k.Algorithm)
	})
}
