//go:build !linux

package local

import (
	"errors"
	"io"
	"time"

	"github.com/tachograph/tacho/internal/cloud/provider"
)

var errNotHere = errors.New("local machines need Linux; use the provider static and start a runner on another machine")

// Provider is none here.
type Provider struct{ provider.Provider }

// New says that this system has no local machines.
func New(Config) (*Provider, error) { return nil, errNotHere }

// Watch says that this system has no local machines.
func Watch(string, time.Duration, io.Writer) error { return errNotHere }
