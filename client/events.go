package client

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

// event is one server-sent event (WHATWG HTML, "Server-sent events"), with its data lines joined.
type event struct {
	id, name string
	data     []byte
}

// eventReader reads a stream of events. Comments and the field retry are skipped.
type eventReader struct{ r *bufio.Reader }

func newEventReader(r io.Reader) *eventReader {
	return &eventReader{bufio.NewReaderSize(r, 64*limits.KiB)}
}

// next returns the next event that has data. A stream that ends inside an event has not sent it: io.EOF. An event over limits.EventBytes
// is a TooLarge fault.
func (s *eventReader) next() (event, error) {
	var e event
	var data bytes.Buffer
	has := false
	for size := 0; ; {
		line, err := s.line(limits.EventBytes - size)
		if err != nil {
			return event{}, err
		}
		size += len(line)
		if len(line) == 0 {
			if has {
				e.data = data.Bytes()
				return e, nil
			}
			e, size = event{}, 0
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "data":
			if has {
				data.WriteByte('\n')
			}
			has = true
			data.Write(value)
		case "event":
			e.name = string(value)
		case "id":
			if id := string(value); !strings.ContainsRune(id, 0) {
				e.id = id
			}
		}
	}
}

// line returns the next line of at most most bytes, without its end.
func (s *eventReader) line(most int) ([]byte, error) {
	var whole []byte
	for {
		part, err := s.r.ReadSlice('\n')
		if len(whole)+len(part) > most {
			return nil, fault.TooLargef("the server sent an event of more than %d bytes", limits.EventBytes)
		}
		whole = append(whole, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return nil, err
		}
		return bytes.TrimSuffix(bytes.TrimSuffix(whole, []byte("\n")), []byte("\r")), nil
	}
}
