package runner

import (
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/core/unit"
)

// liveLog turns the output of a job into log messages: at most one per stream and limits.LogFlushInterval, none over
// limits.LogChunkBytes, and after limits.LogTailBytes per job a marker and then nothing, because the spool has the whole.
// Its writers never fail and never wait for the server, so that following a job does not disturb its measurement.
//
// Safe for concurrent use.
type liveLog struct {
	say   func(api.Message)
	after func(time.Duration, func()) (stop func() bool)

	mu        sync.Mutex // guards all below, and the order of say
	iteration int
	left      int // bytes that may still be sent
	ended     bool
	ticking   bool
	buffers   map[api.ArtifactKind][]byte
}

func newLiveLog(say func(api.Message), after func(time.Duration, func()) func() bool) *liveLog {
	return &liveLog{say: say, after: after, left: limits.LogTailBytes, buffers: map[api.ArtifactKind][]byte{}}
}

// begin flushes the iteration before and names the one that follows.
func (l *liveLog) begin(iteration int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush(true)
	l.iteration = iteration
}

// end flushes what is left; later writes are not sent.
func (l *liveLog) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush(true)
	l.ended = true
}

// stream returns the writer of one stream.
func (l *liveLog) stream(kind api.ArtifactKind) liveStream { return liveStream{l, kind} }

type liveStream struct {
	log  *liveLog
	kind api.ArtifactKind
}

func (s liveStream) Write(p []byte) (int, error) {
	l := s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	if l.ended {
		return n, nil
	}
	cut := len(p) > l.left
	if cut {
		p = p[:l.left]
	}
	l.left -= len(p)
	for len(p) > 0 {
		room := min(limits.LogChunkBytes-len(l.buffers[s.kind]), len(p))
		l.buffers[s.kind] = append(l.buffers[s.kind], p[:room]...)
		p = p[room:]
		if len(l.buffers[s.kind]) >= limits.LogChunkBytes {
			l.flushStream(s.kind, false)
		}
	}
	if cut {
		l.flush(true)
		l.ended = true
		l.send(s.kind, fmt.Sprintf("\n[live output ends after %s; the whole output is stored with the job when it ends]\n",
			unit.SizeText(limits.LogTailBytes)))
		return n, nil
	}
	if !l.ticking {
		l.ticking = true
		l.after(limits.LogFlushInterval, l.tick)
	}
	return n, nil
}

func (l *liveLog) tick() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ticking = false
	l.flush(false)
}

func (l *liveLog) flush(all bool) {
	l.flushStream(api.ArtifactStdout, all)
	l.flushStream(api.ArtifactStderr, all)
}

// flushStream sends a stream's buffer. Unless all is asked for, a character whose last bytes have not come stays behind.
func (l *liveLog) flushStream(kind api.ArtifactKind, all bool) {
	buffer := l.buffers[kind]
	whole := len(buffer)
	if !all {
		whole -= incomplete(buffer)
	}
	if whole == 0 {
		return
	}
	l.send(kind, string(buffer[:whole]))
	l.buffers[kind] = append(buffer[:0], buffer[whole:]...)
}

func (l *liveLog) send(kind api.ArtifactKind, text string) {
	l.say(api.Message{Event: api.MsgLog, Iteration: l.iteration, Stream: kind, Text: strings.ToValidUTF8(text, "\uFFFD")})
}

// incomplete returns how many bytes at the end of p begin a UTF-8 character that is not complete.
func incomplete(p []byte) int {
	for i := 1; i <= min(utf8.UTFMax-1, len(p)); i++ {
		if c := p[len(p)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(p[len(p)-i:]) {
				return i
			}
			return 0
		}
	}
	return 0
}
