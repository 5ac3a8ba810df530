// Package config fills a settings struct from flags, then the environment, then a file, then defaults, and remembers for each value
// where it came from, so that --print-config can say so.
//
// A setting is a field with tags:
//
//	Listen string `config:"listen" default:"127.0.0.1:6610" doc:"address to listen on"`
//
// Its flag is --listen, its variable TACHO_LISTEN, its key in the YAML file listen. Nested names use a dot in the file's key, a hyphen in
// the flag and an underscore in the variable: free.timeout, --free-timeout, TACHO_FREE_TIMEOUT. Field types are string, bool, int, int64,
// time.Duration and []string (comma-separated). A tag secret:"true" hides the value wherever it is printed, secret:"password" the password
// in an address.
//
// The package reads no file and no environment by itself: both come in through Sources.
package config

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/tachograph/tacho/internal/core/fault"
)

// Field is one setting: its names, its meaning, its value as text and where that came from.
type Field struct {
	Key     string `json:"key"`
	Flag    string `json:"flag"`
	Env     string `json:"env"`
	Doc     string `json:"doc"`
	Default string `json:"default"`
	Value   string `json:"value"`
	Origin  string `json:"origin"` // "default", "flag --x", "environment X", "file PATH"
	Secret  bool   `json:"-"`
	Address bool   `json:"-"` // its password is secret
	Bool    bool   `json:"-"`

	value reflect.Value
}

// Sources are what settings are filled from, strongest first.
type Sources struct {
	Flags    map[string]string           // flag name → text, only flags that were given
	Getenv   func(string) (string, bool) // os.LookupEnv
	File     []byte                      // YAML; nil: none
	FileName string                      // for messages
}

// Fields lists the settings of the struct that target points to, with their defaults, in declaration order. It panics on a field type
// or default that the package does not know: that is a mistake in the program.
func Fields(target any) []Field {
	var out []Field
	v := reflect.ValueOf(target).Elem()
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		key, ok := tag.Lookup("config")
		if !ok {
			continue
		}
		f := Field{
			Key:     key,
			Flag:    strings.NewReplacer(".", "-", "_", "-").Replace(key),
			Env:     "TACHO_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(key)),
			Doc:     tag.Get("doc"),
			Default: tag.Get("default"),
			Origin:  "default",
			Secret:  tag.Get("secret") == "true",
			Address: tag.Get("secret") == "password",
			Bool:    v.Field(i).Kind() == reflect.Bool,
			value:   v.Field(i),
		}
		if err := f.set(f.Default, "default"); err != nil {
			panic(fmt.Sprintf("config: default of %s: %v", key, err))
		}
		out = append(out, f)
	}
	return out
}

// Load fills the struct that target points to and returns its settings with their origins. An unknown key in the file, and a value
// that does not parse, is an Invalid fault that names the source.
func Load(target any, src Sources) ([]Field, error) {
	fields := Fields(target)
	inFile, err := flatten(src.File, src.FileName)
	if err != nil {
		return nil, err
	}
	for i := range fields {
		f := &fields[i]
		text, origin := f.Default, "default"
		if fromFile, ok := inFile[f.Key]; ok {
			text, origin = fromFile, "file "+src.FileName
			delete(inFile, f.Key)
		}
		if src.Getenv != nil {
			if fromEnv, ok := src.Getenv(f.Env); ok {
				text, origin = fromEnv, "environment "+f.Env
			}
		}
		if fromFlag, ok := src.Flags[f.Flag]; ok {
			text, origin = fromFlag, "flag --"+f.Flag
		}
		if err := f.set(text, origin); err != nil {
			return nil, err
		}
	}
	for _, key := range slices.Sorted(mapKeys(inFile)) {
		return nil, fault.Invalidf("%s: unknown key %q; 'tacho server --print-config' lists the known ones", src.FileName, key)
	}
	return fields, nil
}

func mapKeys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// Shown returns the value as it may be printed.
func (f Field) Shown() string {
	if f.Secret && f.Value != "" {
		return "[redacted]"
	}
	if f.Address {
		shown, _ := withoutPassword(f.Value)
		return shown
	}
	return f.Value
}

// Password reports whether the value is an address with a password in it.
func (f Field) Password() bool {
	_, has := withoutPassword(f.Value)
	return f.Address && has
}

// withoutPassword hides the passwords of an address, which may also stand among its parameters. What is no address is hidden whole.
func withoutPassword(address string) (shown string, had bool) {
	if address == "" {
		return "", false
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" || u.Opaque != "" {
		return "[redacted]", true
	}
	_, had = u.User.Password()
	parameters := strings.Split(u.RawQuery, "&")
	for i, p := range parameters {
		name, _, _ := strings.Cut(p, "=")
		if plain, err := url.QueryUnescape(name); err != nil || strings.Contains(strings.ToLower(plain), "password") {
			parameters[i], had = name+"=xxxxx", true
		}
	}
	u.RawQuery = strings.Join(parameters, "&")
	return u.Redacted(), had
}

func (f *Field) set(text, origin string) error {
	bad := func(want string) error {
		shown := strconv.Quote(text)
		if f.Secret {
			shown = "the given value"
		}
		return fault.Invalidf("%s (%s): %s is not %s", f.Key, origin, shown, want)
	}
	switch p := f.value.Addr().Interface().(type) {
	case *string:
		*p = text
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return bad("true or false")
		}
		*p = b
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return bad("a whole number")
		}
		*p = n
	case *int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return bad("a whole number")
		}
		*p = n
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return bad(`a duration such as "30s" or "1h"`)
		}
		*p = d
	case *[]string:
		*p = nil
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				*p = append(*p, part)
			}
		}
	default:
		panic(fmt.Sprintf("config: field %s has type %T", f.Key, p))
	}
	f.Value, f.Origin = text, origin
	return nil
}

// flatten reads YAML into dotted keys.
func flatten(file []byte, name string) (map[string]string, error) {
	out := map[string]string{}
	if len(file) == 0 {
		return out, nil
	}
	var tree map[string]any
	if err := yaml.UnmarshalWithOptions(file, &tree, yaml.Strict()); err != nil {
		return nil, fault.Invalidf("%s: %s", name, yaml.FormatError(err, false, true))
	}
	var walk func(prefix string, node any) error
	walk = func(prefix string, node any) error {
		switch n := node.(type) {
		case map[string]any:
			for k, v := range n {
				key := k
				if prefix != "" {
					key = prefix + "." + k
				}
				if err := walk(key, v); err != nil {
					return err
				}
			}
		case []any:
			parts := make([]string, len(n))
			for i, v := range n {
				parts[i] = fmt.Sprint(v)
			}
			out[prefix] = strings.Join(parts, ",")
		case nil:
			return fault.Invalidf("%s: key %q has no value", name, prefix)
		default:
			out[prefix] = fmt.Sprint(n)
		}
		return nil
	}
	return out, walk("", tree)
}
