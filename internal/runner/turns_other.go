//go:build !linux

package runner

import (
	"context"
	"errors"
)

// take refuses: there are no sandboxes, and so no turns, outside Linux.
func (turns) take(context.Context) (func(), error) {
	return nil, errors.New("turns of runners need Linux")
}
