package registry

import (
	"io"
	"net/http"
	"time"

	"github.com/tachograph/tacho/internal/core/limits"
)

// A transfer may take hours, so it has no time limit as a whole; but each step must move something within limits.RegistryStall. The
// deadlines are of the network connection and so in its clock. A ResponseWriter that has no connection (in-process clients, tests) has no
// deadlines, which is why their errors are not looked at.

// steadyBody reads a request's body.
type steadyBody struct {
	body    io.Reader
	control *http.ResponseController
}

func newSteadyBody(w http.ResponseWriter, r *http.Request) *steadyBody {
	return &steadyBody{r.Body, http.NewResponseController(w)}
}

func (b *steadyBody) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(time.Now().Add(limits.RegistryStall))
	n, err := b.body.Read(p)
	if err != nil {
		// The connection is being watched for the client's going away from here on; that must not run into the deadline.
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// send writes a stream as the answer's body.
func send(w http.ResponseWriter, from io.Reader) error {
	control := http.NewResponseController(w)
	defer func() { _ = control.SetWriteDeadline(time.Time{}) }()
	buffer := make([]byte, 128<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			_ = control.SetWriteDeadline(time.Now().Add(limits.RegistryStall))
			if _, err := w.Write(buffer[:n]); err != nil {
				return &goneError{err}
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// goneError is the error of a client that does not listen any more.
type goneError struct{ err error }

func (e *goneError) Error() string { return e.err.Error() }
func (e *goneError) Unwrap() error { return e.err }
