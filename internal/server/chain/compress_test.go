package chain_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/tachograph/tacho/internal/core/access"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/chain"
)

// nobody knows no key and no session.
type nobody struct{}

func (nobody) Authenticate(context.Context, string, string) (access.Actor, error) {
	return access.Actor{Kind: access.Anonymous}, nil
}

func (nobody) BySession(context.Context, string, string) (access.Actor, bool, error) {
	return access.Actor{}, false, nil
}

// served is a server whose edge answers with the handler, in a chain that compresses. Its client decodes nothing by itself.
func served(t testing.TB, edge http.HandlerFunc) func(method string, header ...string) (*http.Response, []byte, error) {
	t.Helper()
	all := func(*http.Request) bool { return true }
	s := httptest.NewServer(chain.Chain{Accounts: nobody{}, Log: slog.New(slog.DiscardHandler), Compress: all}.Wrap(edge))
	t.Cleanup(s.Close)
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	t.Cleanup(client.CloseIdleConnections)
	return func(method string, header ...string) (*http.Response, []byte, error) {
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range header {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Add(name, value)
		}
		res, err := client.Do(r)
		if err != nil {
			return nil, nil, err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return res, body, err
	}
}

// said answers with a body of the type, written in pieces.
func said(kind, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		for _, line := range header {
			name, value, _ := strings.Cut(line, ": ")
			w.Header().Set(name, value)
		}
		for rest := body; rest != ""; {
			n := min(len(rest), 700)
			_, _ = io.WriteString(w, rest[:n])
			rest = rest[n:]
		}
	}
}

// decoded undoes the answer's coding.
func decoded(t *testing.T, res *http.Response, body []byte) string {
	t.Helper()
	var err error
	switch coding := res.Header.Get("Content-Encoding"); coding {
	case "gzip":
		var r *gzip.Reader
		if r, err = gzip.NewReader(bytes.NewReader(body)); err == nil {
			body, err = io.ReadAll(r)
		}
	case "zstd":
		var r *zstd.Decoder
		if r, err = zstd.NewReader(bytes.NewReader(body)); err == nil {
			defer r.Close()
			body, err = io.ReadAll(r)
		}
	case "":
	default:
		t.Fatalf("coding %q", coding)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

var text = strings.Repeat("a page with much to say\n", 1_000)

func TestTheCallerChoosesTheCoding(t *testing.T) {
	t.Parallel()
	get := served(t, said("text/html; charset=utf-8", text))
	for accept, want := range map[string]string{
		"":                              "",
		"gzip":                          "gzip",
		"GZip":                          "gzip",
		"x-gzip":                        "gzip",
		"zstd":                          "zstd",
		"gzip, deflate, br, zstd":       "zstd",
		"zstd;q=0.5, gzip":              "gzip",
		"gzip;q=0.5, zstd;q=0.5":        "zstd",
		"gzip;q=0":                      "",
		"gzip;q=0, *":                   "zstd",
		"*":                             "zstd",
		"*;q=0":                         "",
		"*;q=0, gzip;q=0.001":           "gzip",
		"identity":                      "",
		"gzip;q=0.5, identity;q=0.8":    "",
		"gzip;q=0.8, identity;q=0.5":    "gzip",
		"identity;q=0, gzip":            "gzip",
		"identity;q=0":                  "", // there is nothing that would do
		"br, deflate":                   "",
		" gzip ; q = 1.000 , zstd;q=0 ": "gzip",
		"gzip;q=2, zstd;q=-1":           "", // not a quality: the entry is left out
		"gzip;q=NaN":                    "",
		"gzip;level=9":                  "",
		",,gzip,":                       "gzip",
	} {
		res, body, err := get(http.MethodGet, "Accept-Encoding: "+accept)
		if err != nil {
			t.Fatal(err)
		}
		if got := res.Header.Get("Content-Encoding"); got != want {
			t.Errorf("%q: coding %q, want %q", accept, got, want)
		}
		if decoded(t, res, body) != text || want != "" && len(body) > len(text)/10 {
			t.Errorf("%q: %d bytes are not the text", accept, len(body))
		}
		if res.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: caches are not told: Vary %q", accept, res.Header.Get("Vary"))
		}
	}
}

func TestOnlyWhatGainsIsCompressed(t *testing.T) {
	t.Parallel()
	const both = "Accept-Encoding: gzip, zstd"
	small := text[:limits.CompressLeast-1]
	for name, c := range map[string]struct {
		edge   http.HandlerFunc
		header []string
		want   string
		vary   string
		text   string
	}{
		"a page":             {said("text/html", text), nil, "zstd", "Accept-Encoding", text},
		"JSON":               {said("application/json", text), nil, "zstd", "Accept-Encoding", text},
		"a drawing":          {said("image/svg+xml", text), nil, "zstd", "Accept-Encoding", text},
		"as small as it can": {said("text/html", text[:limits.CompressLeast]), nil, "zstd", "Accept-Encoding", text[:limits.CompressLeast]},
		"a small answer":     {said("text/html", small), nil, "", "Accept-Encoding", small},
		"nothing":            {said("text/html", ""), nil, "", "", ""},
		"a job's output":     {said("text/plain; charset=utf-8", text), nil, "", "", text},
		"bytes":              {said("application/octet-stream", text), nil, "", "", text},
		"a manifest":         {said("application/vnd.oci.image.manifest.v1+json", text), nil, "", "", text},
		"events":             {said("text/event-stream", text), nil, "", "", text},
		"a part":             {said("text/html", text), []string{"Range: bytes=0-9"}, "", "Accept-Encoding", text},
		"it varies already":  {said("text/html", text, "Vary: Origin"), nil, "zstd", "Origin,Accept-Encoding", text},
		"a small one to who refuses plain": {said("text/html", small), []string{"Accept-Encoding: identity;q=0"}, "zstd", "Accept-Encoding",
			small},
	} {
		res, body, err := served(t, c.edge)(http.MethodGet, append([]string{both}, c.header...)...)
		if err != nil {
			t.Fatal(err)
		}
		if got := res.Header.Get("Content-Encoding"); got != c.want {
			t.Errorf("%s: coding %q, want %q", name, got, c.want)
		}
		if got := strings.Join(res.Header.Values("Vary"), ","); got != c.vary {
			t.Errorf("%s: Vary %q, want %q", name, got, c.vary)
		}
		if decoded(t, res, body) != c.text {
			t.Errorf("%s: not the text", name)
		}
	}
	packed := served(t, said("text/css", text, "Content-Encoding: br"))
	if res, body, err := packed(http.MethodGet, both); err != nil || res.Header.Get("Content-Encoding") != "br" || string(body) != text {
		t.Errorf("compressed twice: %v, %v", res, err)
	}
}

// Headers that describe the bytes describe those that are sent.
func TestHeadersAreThoseOfTheFormThatIsSent(t *testing.T) {
	t.Parallel()
	length := fmt.Sprint(len(text))
	get := served(t, said("text/html", text, "Content-Length: "+length, `ETag: "v1"`))
	res, _, err := get(http.MethodGet, "Accept-Encoding: gzip")
	if err != nil || res.ContentLength == int64(len(text)) || res.Header.Get("ETag") != `W/"v1"` {
		t.Errorf("compressed: %v, length %d, tag %s", err, res.ContentLength, res.Header.Get("ETag"))
	}
	res, _, err = get(http.MethodGet)
	if err != nil || res.ContentLength != int64(len(text)) || res.Header.Get("ETag") != `"v1"` {
		t.Errorf("as it is: %v, length %d, tag %s", err, res.ContentLength, res.Header.Get("ETag"))
	}
	head, body, err := get(http.MethodHead, "Accept-Encoding: gzip")
	if err != nil || len(body) != 0 || head.Header.Get("Content-Encoding") != "gzip" || head.ContentLength == int64(len(text)) ||
		head.Header.Get("ETag") != `W/"v1"` {
		t.Errorf("HEAD: %v, %d bytes, %v", err, len(body), head.Header)
	}
	short := text[:limits.CompressLeast+1] // so short that net/http counts the bytes by itself
	head, _, err = served(t, said("text/html", short))(http.MethodHead, "Accept-Encoding: gzip")
	if err != nil || head.Header.Get("Content-Encoding") != "gzip" || head.ContentLength == int64(len(short)) {
		t.Errorf("HEAD of a short one: %v, %v", err, head.Header)
	}
	unchanged := served(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotModified)
	})
	res, body, err = unchanged(http.MethodGet, "Accept-Encoding: gzip")
	if err != nil || res.StatusCode != http.StatusNotModified || len(body) != 0 || res.Header.Get("Content-Encoding") != "" {
		t.Errorf("304: %v, %d, %v", err, res.StatusCode, res.Header)
	}
}

func TestTheFirstStatusCountsAndNotesComeBeforeIt(t *testing.T) {
	t.Parallel()
	get := served(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusNotFound)
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, text)
	})
	res, body, err := get(http.MethodGet, "Accept-Encoding: gzip")
	if err != nil || res.StatusCode != http.StatusNotFound || decoded(t, res, body) != text {
		t.Errorf("%v, %d, %v", err, res.StatusCode, res.Header)
	}
}

// What an attacker's site makes a signed in browser ask for must not say by its length what is in it.
func TestWhatAnotherSiteMayHaveCausedIsNotCompressed(t *testing.T) {
	t.Parallel()
	get := served(t, said("text/html", text))
	const signedIn, accept = "Cookie: tacho=abc", "Accept-Encoding: gzip"
	for name, c := range map[string]struct {
		header []string
		want   string
	}{
		"a stranger from another site": {[]string{accept, "Sec-Fetch-Site: cross-site"}, "gzip"},
		"a key":                        {[]string{accept, "Authorization: Bearer k"}, "gzip"},
		"our own page":                 {[]string{accept, signedIn, "Sec-Fetch-Site: same-origin"}, "gzip"},
		"the user":                     {[]string{accept, signedIn, "Sec-Fetch-Site: none"}, "gzip"},
		"another site":                 {[]string{accept, signedIn, "Sec-Fetch-Site: cross-site"}, ""},
		"a neighbour":                  {[]string{accept, signedIn, "Sec-Fetch-Site: same-site"}, ""},
		"a browser that does not say":  {[]string{accept, signedIn}, ""},
	} {
		res, _, err := get(http.MethodGet, c.header...)
		if err != nil {
			t.Fatal(err)
		}
		if got := res.Header.Get("Content-Encoding"); got != c.want {
			t.Errorf("%s: coding %q, want %q", name, got, c.want)
		}
	}
}

func TestAnAnswerThatBreaksOffDoesNotLookWhole(t *testing.T) {
	t.Parallel()
	for name, edge := range map[string]http.HandlerFunc{
		"fewer bytes than were promised": said("text/html", text, fmt.Sprintf("Content-Length: %d", len(text)+1)),
		"aborted": func(w http.ResponseWriter, r *http.Request) {
			said("text/html", text)(w, r)
			panic(http.ErrAbortHandler)
		},
	} {
		if _, _, err := served(t, edge)(http.MethodGet, "Accept-Encoding: gzip"); err == nil {
			t.Errorf("%s: the caller took it for the whole", name)
		}
	}
	// What fails before much was written is an answer of its own.
	failing := served(t, func(w http.ResponseWriter, r *http.Request) {
		said("text/html", "the beginning")(w, r)
		panic("lost the thread")
	})
	res, body, err := failing(http.MethodGet, "Accept-Encoding: gzip")
	if err != nil || res.StatusCode != http.StatusInternalServerError || strings.Contains(string(body), "beginning") {
		t.Errorf("%v: %s", err, body)
	}
}

func TestAStreamIsSentAsItComes(t *testing.T) {
	t.Parallel()
	more := make(chan struct{})
	edge := func(kind string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, "first\n")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			<-more
		}
	}
	for _, kind := range []string{"text/event-stream", "application/json"} {
		s := httptest.NewServer(chain.Chain{Accounts: nobody{}, Log: slog.New(slog.DiscardHandler),
			Compress: func(*http.Request) bool { return true }}.Wrap(edge(kind)))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", "gzip")
		res, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 6)
		if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "first\n" || res.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %q, %v, %v", kind, first, err, res.Header)
		}
		more <- struct{}{}
		_ = res.Body.Close()
		s.Close()
	}
}

func TestAConnectionCanBeTakenOver(t *testing.T) {
	t.Parallel()
	get := served(t, func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer connection.Close()
		_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine")
	})
	if _, body, err := get(http.MethodGet, "Accept-Encoding: gzip"); err != nil || string(body) != "mine" {
		t.Errorf("%q, %v", body, err)
	}
}

// Readers who take their time hold no more than limits.Compressors; the next are answered as if they had not asked.
func TestCompressorsAreBounded(t *testing.T) {
	t.Parallel()
	all := func(*http.Request) bool { return true }
	inside, leave := make(chan struct{}), make(chan struct{})
	handler := chain.Chain{Accounts: nobody{}, Log: slog.New(slog.DiscardHandler), Compress: all}.Wrap(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			said("text/html", text)(w, r)
			if r.URL.Path == "/slow" {
				inside <- struct{}{}
				<-leave
			}
		}))
	ask := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Header.Set("Accept-Encoding", "gzip")
		handler.ServeHTTP(w, r)
		return w
	}
	done := make(chan struct{})
	for range limits.Compressors {
		go func() { ask("/slow"); done <- struct{}{} }()
		<-inside
	}
	if w := ask("/"); w.Header().Get("Content-Encoding") != "" || w.Body.String() != text {
		t.Errorf("one more than there are: %v", w.Header())
	}
	close(leave)
	for range limits.Compressors {
		<-done
	}
	for range 3 * limits.Compressors { // each gives back what it took
		if w := ask("/"); w.Header().Get("Content-Encoding") != "gzip" {
			t.Fatalf("after they have left: %v", w.Header())
		}
	}
}

// A caller that goes away while its answer is compressed gives the compressor back.
func TestWhoGoesAwayGivesTheCompressorBack(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 4<<20)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	gone := make(chan error, 1)
	handler := chain.Chain{Accounts: nobody{}, Log: slog.New(slog.DiscardHandler), Compress: func(*http.Request) bool { return true }}.Wrap(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			if r.URL.Path == "/" {
				_, _ = io.WriteString(w, text)
				return
			}
			var err error
			for range 64 {
				if _, err = w.Write(noise); err != nil {
					break
				}
			}
			gone <- err
		}))
	s := httptest.NewServer(handler)
	defer s.Close()
	for range limits.Compressors + 1 {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, "GET /noise HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
		_, _ = io.ReadFull(c, make([]byte, 100))
		_ = c.Close()
		if err := <-gone; err == nil {
			t.Fatal("the answer went to nobody")
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip")
	res, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("no compressor is left: %v", res.Header)
	}
}

// BenchmarkCompress sends 1 MiB of JSON numbers in each coding: time, and how much is sent.
func BenchmarkCompress(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	var body bytes.Buffer
	for body.Len() < 1<<20 {
		fmt.Fprintf(&body, `{"value":%g,"lower_value":%g},`, random.NormFloat64()*1000, random.NormFloat64())
	}
	handler := chain.Chain{Accounts: nobody{}, Log: slog.New(slog.DiscardHandler), Compress: func(*http.Request) bool { return true }}.Wrap(
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body.Bytes())
		}))
	for _, coding := range []string{"identity", "gzip", "zstd"} {
		b.Run(coding, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(body.Len()))
			sent := 0
			for b.Loop() {
				w := httptest.NewRecorder()
				r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/", nil)
				r.Header.Set("Accept-Encoding", coding)
				handler.ServeHTTP(w, r)
				sent = w.Body.Len()
			}
			b.ReportMetric(float64(sent)/float64(body.Len()), "sent/byte")
		})
	}
}
