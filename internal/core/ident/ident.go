// Package ident makes and checks the names of things: UUIDs, slugs, names, references by any of the three, key strings and digests.
//
// It has no I/O; randomness is a parameter. Uniqueness is the store's business.
package ident

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/crc32"
	"io"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// NewUUID returns a fresh UUIDv7 in its canonical text form. Its leading bits are the time, so rows inserted together lie together.
func NewUUID() string { return uuid.Must(uuid.NewV7()).String() }

// IsUUID reports whether s is a UUID in the canonical 36-character form.
func IsUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	_, err := uuid.Parse(s)
	return err == nil
}

// MetricUUID returns the public UUID of the metric with database id n (n > 0). A metric is addressed by UUID in the API but there are
// millions of them, so the UUID is the row number in a version-8 UUID instead of a second, indexed key.
func MetricUUID(n int64) string { return string(AppendMetricUUID(make([]byte, 0, 36), n)) }

// AppendMetricUUID appends MetricUUID(n) to b.
func AppendMetricUUID(b []byte, n int64) []byte {
	var u uuid.UUID
	copy(u[:8], "metric\x80\x00")
	u[6] = 0x80 // version 8: vendor-defined
	for i := range 8 {
		u[15-i] = byte(n >> (8 * i))
	}
	u[8] = u[8]&0x3f | 0x80 // RFC 9562 variant; ids stay below 2^62
	begin := 0
	for _, end := range [...]int{4, 6, 8, 10, 16} {
		if begin > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, u[begin:end])
		begin = end
	}
	return b
}

// MetricID inverts MetricUUID; ok is false for any other UUID.
func MetricID(s string) (n int64, ok bool) {
	u, err := uuid.Parse(s)
	if err != nil || string(u[:6]) != "metric" || u[6] != 0x80 {
		return 0, false
	}
	for i := 8; i < 16; i++ {
		b := u[i]
		if i == 8 {
			b &= 0x3f
		}
		n = n<<8 | int64(b)
	}
	return n, n > 0 && MetricUUID(n) == u.String()
}

// Slugify returns the slug of a name: lower-case letters and digits with single hyphens, at most limits.SlugBytes bytes. A name with
// nothing to keep has the empty slug; the caller then makes one up.
func Slugify(name string) string {
	var b strings.Builder
	hyphen := false
	for _, r := range strings.ToLower(name) {
		if r < utf8.RuneSelf && (r >= 'a' && r <= 'z' || r >= '0' && r <= '9') {
			if hyphen && b.Len() > 0 {
				b.WriteByte('-')
			}
			hyphen = false
			b.WriteRune(r)
			continue
		}
		hyphen = true
	}
	s := b.String()
	if len(s) > limits.SlugBytes {
		s = strings.TrimRight(s[:limits.SlugBytes], "-")
	}
	return s
}

// IsSlug reports whether s is a valid slug, that is, its own slug. The text of a UUID is none: a reference would mean two things.
func IsSlug(s string) bool {
	return s != "" && len(s) <= limits.SlugBytes && Slugify(s) == s && !IsUUID(s)
}

// SlugWithSuffix returns slug made distinct by "-" and 8 characters derived from salt, still within the length limit.
func SlugWithSuffix(slug, salt string) string {
	sum := sha256.Sum256([]byte(salt))
	suffix := hex.EncodeToString(sum[:4])
	if slug == "" {
		return suffix
	}
	if most := limits.SlugBytes - 1 - len(suffix); len(slug) > most {
		slug = strings.TrimRight(slug[:most], "-")
	}
	return slug + "-" + suffix
}

// CheckName returns an Invalid fault unless name is 1 to maxBytes bytes of printable UTF-8 without leading or trailing space.
func CheckName(what, name string, maxBytes int) error {
	switch {
	case name == "":
		return fault.Invalidf("%s: the name is empty", what)
	case len(name) > maxBytes:
		return fault.Invalidf("%s: the name is %d bytes long, the limit is %d", what, len(name), maxBytes)
	case !utf8.ValidString(name):
		return fault.Invalidf("%s: the name is not valid UTF-8", what)
	case strings.TrimSpace(name) != name:
		return fault.Invalidf("%s %q: the name begins or ends with white space", what, name)
	}
	for _, r := range name {
		if unicode.IsControl(r) {
			return fault.Invalidf("%s %q: the name holds the control character %U", what, name, r)
		}
	}
	return nil
}

// CheckBranchName is CheckName with git's rules for a reference: no "..", no space, none of ~^:?*[\ and no ".lock" at the end.
func CheckBranchName(name string) error {
	if err := CheckName("branch", name, limits.BranchNameBytes); err != nil {
		return err
	}
	if strings.ContainsAny(name, " ~^:?*[\\") || strings.Contains(name, "..") || strings.Contains(name, "@{") ||
		strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") || strings.Contains(name, "//") ||
		strings.HasPrefix(name, "-") || strings.HasSuffix(name, ".") || strings.HasSuffix(name, ".lock") {
		return fault.Invalidf("branch %q: git would not accept this as a branch name", name)
	}
	return nil
}

// IsGitHash reports whether s is a full SHA-1 (40) or SHA-256 (64) object name in lower-case hex.
func IsGitHash(s string) bool {
	if len(s) != 40 && len(s) != 64 {
		return false
	}
	return strings.Trim(s, "0123456789abcdef") == ""
}

// KeyKind is what a key opens.
type KeyKind string

// The kinds of keys. Each is the middle part of the key's text: tacho_<kind>_<secret>, or bencher_<kind>_<secret>.
const (
	KeyUser   KeyKind = "user"   // acts as a person
	KeyRun    KeyKind = "run"    // submits to one project
	KeyRunner KeyKind = "runner" // takes jobs
	KeyPull   KeyKind = "pull"   // registry token: short-lived, one project, named actions
)

// KeyForm is how a key's text is written. What is stored of a key is the hash of its text, so the server takes both forms everywhere.
type KeyForm string

// The forms of keys.
const (
	TachoForm   KeyForm = "tacho"   // tacho_<kind>_<43 digits><6 check digits>
	BencherForm KeyForm = "bencher" // bencher_<kind>_<30 digits>: the one form that Bencher's own clients send
)

const (
	secretBytes  = 32
	base62       = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	secretDigits = 43 // ⌈256 / log2 62⌉
	checkDigits  = 6  // CRC-32 in base 62: lets a typo be told from an unknown key, and lets secret scanners check a find
)

// bencherDigits is the length of the secret in Bencher's form, 178 bits. It has no check digits.
const bencherDigits = 30

// NewKey returns a fresh key of a form from 32 bytes of random. An unknown form, and a pull token in Bencher's form, is an Invalid fault:
// Bencher's clients know user, run and runner keys.
func NewKey(kind KeyKind, form KeyForm, random io.Reader) (string, error) {
	if form != TachoForm && form != BencherForm || form == BencherForm && !slices.Contains(bencherKinds, kind) {
		return "", fault.Invalidf("there is no %s key of the form %.20q", kind, string(form))
	}
	var secret [secretBytes]byte
	if _, err := io.ReadFull(random, secret[:]); err != nil {
		return "", err
	}
	number := new(big.Int).SetBytes(secret[:])
	prefix := string(form) + "_" + string(kind) + "_"
	if form == BencherForm {
		return prefix + base62Text(number, bencherDigits), nil // the low digits: 256 bits spread over 62^30 evenly but for 2^-78
	}
	body := base62Text(number, secretDigits)
	return prefix + body + checksum(prefix+body), nil
}

var bencherKinds = []KeyKind{KeyUser, KeyRun, KeyRunner}

// ParseKey returns the kind of a well-formed key of either form. It does not say whether the key is known.
func ParseKey(key string) (KeyKind, bool) {
	form, rest, _ := strings.Cut(key, "_")
	kind, secret, ok := strings.Cut(rest, "_")
	if KeyForm(form) == BencherForm {
		return KeyKind(kind), slices.Contains(bencherKinds, KeyKind(kind)) && len(secret) == bencherDigits && strings.Trim(secret, base62) == ""
	}
	if KeyForm(form) != TachoForm || !ok || len(secret) != secretDigits+checkDigits {
		return "", false
	}
	switch KeyKind(kind) {
	case KeyUser, KeyRun, KeyRunner, KeyPull:
	default:
		return "", false
	}
	body := key[:len(key)-checkDigits]
	return KeyKind(kind), checksum(body) == key[len(key)-checkDigits:]
}

// HashKey returns what is stored of a key: the hex SHA-256. A key has 256 random bits, so a slow hash would add nothing.
func HashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// NewToken returns a secret of 256 bits from random, for what is no key: it is hashed like one, and opens nothing by its form.
func NewToken(random io.Reader) (string, error) {
	var secret [secretBytes]byte
	if _, err := io.ReadFull(random, secret[:]); err != nil {
		return "", err
	}
	return base62Text(new(big.Int).SetBytes(secret[:]), secretDigits), nil
}

// KeyHint returns the part of a key that may be shown: its kind and the first four digits of the secret.
func KeyHint(key string) string {
	kind, ok := ParseKey(key)
	if !ok {
		return ""
	}
	shown := strings.Index(key, string(kind)+"_") + len(kind) + 1 + 4
	return key[:shown] + "…"
}

func checksum(s string) string {
	return base62Text(big.NewInt(int64(crc32.ChecksumIEEE([]byte(s)))), checkDigits)
}

func base62Text(n *big.Int, digits int) string {
	out := make([]byte, digits)
	base, rem := big.NewInt(62), new(big.Int)
	for i := digits - 1; i >= 0; i-- {
		n.DivMod(n, base, rem)
		out[i] = base62[rem.Int64()]
	}
	return string(out)
}

// Micros returns t as the store keeps it: microseconds since 1970 in UTC.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// FromMicros inverts Micros, in UTC.
func FromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// IsDigest reports whether s is "sha256:" and 64 lower-case hex digits, the only digest that we make.
func IsDigest(s string) bool {
	hexPart, ok := strings.CutPrefix(s, "sha256:")
	return ok && len(hexPart) == 64 && strings.Trim(hexPart, "0123456789abcdef") == ""
}
