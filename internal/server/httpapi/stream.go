package httpapi

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
)

// streamed is an answer that is written piece by piece.
type streamed struct {
	status int
	list   bool
	total  int // of a list; write sets it
	header map[string]string
	write  func(context.Context, io.Writer) error
}

// streamOutput is what huma does with it.
type streamOutput struct {
	Body func(huma.Context)
}

// registerStream adds a route whose handler must authorize, and whose answer is a T that is written piece by piece. Answers up to
// limits.AnswerBytes are made in memory, larger ones in a file: so what goes wrong while one is made is answered as an error and never as
// half an answer, and neither the database's snapshot nor a place at the gate is held for a slow reader.
func registerStream[I, T any](a *API, op operation, handle func(context.Context, *I) (*streamed, error)) {
	if a.later(op.method, op.path, func(b *API) { registerStream[I, T](b, op, handle) }) {
		return
	}
	register(a, op, func(ctx context.Context, in *I) (*streamOutput, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, err
		}
		s := &spool{folder: a.cfg.Scratch, direct: func(w io.Writer) error { return out.write(ctx, w) }}
		if err := out.write(ctx, s); err != nil && s.failed == nil {
			s.close()
			return nil, err
		}
		return &streamOutput{func(hc huma.Context) {
			defer s.close()
			hc.SetHeader("Content-Type", "application/json")
			if out.list {
				hc.SetHeader(api.TotalCountHeader, strconv.Itoa(out.total))
			}
			for name, value := range out.header {
				hc.SetHeader(name, value)
			}
			hc.SetStatus(out.status)
			if err := s.send(hc.BodyWriter()); err != nil {
				panic(http.ErrAbortHandler) // the reader is gone, or must not take what it has for the whole
			}
		}}, nil
	})
	if !a.mute {
		describeStream[T](a, op)
	}
}

// describeStream puts into the document what huma cannot see.
func describeStream[T any](a *API, op operation) {
	status := op.status
	if status == 0 {
		status = http.StatusOK
	}
	responses := route(a.OpenAPI().Paths[op.path], op.method).Responses
	content := a.content("", reflect.New(reflect.TypeFor[T]()).Elem().Interface())
	responses[strconv.Itoa(status)].Content = content
	if reflect.TypeFor[T]().Kind() == reflect.Slice {
		total := a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[int](), true, "")
		responses[strconv.Itoa(status)].Headers = map[string]*huma.Param{api.TotalCountHeader: {Schema: total}}
	}
	if status == http.StatusCreated {
		again := *responses["201"]
		again.Description = "It was there already: the idempotency key is known"
		responses["200"] = &again
	}
}

// spool keeps an answer until it is whole. A folder that takes no file does not cost anybody an answer: it is then written anew, to the
// reader at once.
type spool struct {
	folder string
	direct func(io.Writer) error

	memory []byte
	file   *os.File
	failed error // of the file
}

func (s *spool) Write(p []byte) (int, error) {
	if s.failed != nil {
		return 0, s.failed
	}
	if s.file == nil && len(s.memory)+len(p) <= limits.AnswerBytes {
		s.memory = append(s.memory, p...)
		return len(p), nil
	}
	if s.file == nil {
		if s.file, s.failed = os.CreateTemp(s.folder, ".answer-*"); s.failed != nil {
			return 0, s.failed
		}
		_ = os.Remove(s.file.Name()) // where a file can lose its name while it is open; elsewhere close removes it
	}
	if len(s.memory)+len(p) > limits.AnswerBytes {
		if _, s.failed = s.file.Write(s.memory); s.failed != nil {
			return 0, s.failed
		}
		s.memory = s.memory[:0]
	}
	if len(p) > limits.AnswerBytes {
		_, s.failed = s.file.Write(p)
		return len(p), s.failed
	}
	s.memory = append(s.memory, p...)
	return len(p), nil
}

// send writes the answer to its reader.
func (s *spool) send(w io.Writer) error {
	write := s.copy
	if s.failed != nil {
		write = s.direct
	}
	if err := write(w); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *spool) copy(w io.Writer) error {
	if s.file != nil {
		if _, err := s.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.Copy(w, s.file); err != nil {
			return err
		}
	}
	_, err := w.Write(s.memory)
	return err
}

func (s *spool) close() {
	s.memory = nil
	if s.file != nil {
		_ = s.file.Close()           // it was only read again
		_ = os.Remove(s.file.Name()) // it has no name any more, but on Windows
	}
}

// writeJSON writes v as other answers are, without the newline at the end.
func writeJSON(w io.Writer, v any) error {
	var text bytes.Buffer
	if err := huma.DefaultJSONFormat.Marshal(&text, v); err != nil {
		return err
	}
	_, err := w.Write(bytes.TrimSuffix(text.Bytes(), []byte("\n")))
	return err
}
