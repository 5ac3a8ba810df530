// Package testdb gives tests the database that they run on: a SQLite file, or a PostgreSQL database of their own when
// TACHO_TEST_DATABASE is "postgres". The very same tests run on both.
//
// With TACHO_TEST_REHEARSE=commits each transaction of the suites is broken off once at its commit before it runs, and with "statements"
// also at one of its statements.
//
// PostgreSQL is a real one. TACHO_TEST_PG is the address of a server that may make databases; without it one is started from Debian's
// package for the whole test process, in memory if there is room, on a Unix socket, and ends with the process however that ends.
package testdb

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tachograph/tacho/internal/server/store"
)

// Kind is a database that tests run on.
type Kind string

// The two.
const (
	SQLite   Kind = "sqlite"
	Postgres Kind = "postgres"
)

// Wanted is the one that this run of the tests asks for.
func Wanted(t testing.TB) Kind {
	t.Helper()
	switch kind := Kind(os.Getenv("TACHO_TEST_DATABASE")); kind {
	case "", SQLite:
		return SQLite
	case Postgres:
		return Postgres
	default:
		t.Fatalf("TACHO_TEST_DATABASE is %q, want sqlite or postgres", kind)
		return ""
	}
}

// Config fills in where the database is. The same Path is the same database within a test, so that it can be closed and opened again. A
// test with a disk of its own gets SQLite.
func Config(t testing.TB, cfg store.Config) store.Config {
	t.Helper()
	if cfg.Disk == nil && cfg.URL == "" && Wanted(t) == Postgres {
		cfg.URL = URL(t, cfg.Path)
	}
	switch how := os.Getenv("TACHO_TEST_REHEARSE"); how {
	case "":
	case "commits":
		cfg.Rehearse = store.AtCommits
	case "statements":
		cfg.Rehearse = store.AtStatements
	default:
		t.Fatalf("TACHO_TEST_REHEARSE is %q, want commits or statements", how)
	}
	return cfg
}

// Open is store.Open of Config. A SQLite database that is not there yet begins as a copy of one that went through all migrations, as a
// PostgreSQL one does.
func Open(t testing.TB, cfg store.Config) (*store.Store, error) {
	t.Helper()
	cfg = Config(t, cfg)
	if cfg.URL == "" && cfg.Disk == nil {
		if err := copyEmpty(cfg.Path); err != nil {
			t.Fatal(err)
		}
	}
	return store.Open(t.Context(), cfg)
}

// copyEmpty writes an empty database to a path where there is no file. A folder that is not there is the store's to make.
func copyEmpty(path string) error {
	if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	raw, err := empty()
	if err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o600)
}

// empty is the file of a SQLite database with our schema and nothing in it.
var empty = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "tacho-empty")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "tacho.db")
	s, err := store.Open(context.Background(), store.Config{Path: path})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// Each runs f on SQLite and on PostgreSQL, each on an empty database. Where PostgreSQL is not installed it is skipped.
func Each(t *testing.T, f func(t *testing.T, cfg store.Config)) {
	t.Helper()
	for _, kind := range []Kind{SQLite, Postgres} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			cfg := store.Config{Path: filepath.Join(t.TempDir(), "tacho.db")}
			if kind == Postgres {
				cfg.URL = URL(t, cfg.Path)
			}
			f(t, cfg)
		})
	}
}

// PostgresConfig is where an empty PostgreSQL database is, for what there is in it alone. The test is skipped where it is not installed.
func PostgresConfig(t testing.TB) store.Config {
	t.Helper()
	return store.Config{URL: URL(t, filepath.Join(t.TempDir(), "tacho.db"))}
}

// URL is the address of a PostgreSQL database that stands for the path. It is made, with the newest schema, when it is asked for first and
// dropped at the end of the test. The test is skipped where PostgreSQL is not installed.
func URL(t testing.TB, path string) string {
	t.Helper()
	made.mu.Lock()
	defer made.mu.Unlock()
	if url, ok := made.urls[path]; ok {
		return url
	}
	c := start(t)
	sum := sha256.Sum256([]byte(path))
	name := "t" + strconv.Itoa(os.Getpid()) + "_" + hex.EncodeToString(sum[:8])
	c.exec(t, `create database `+name+` template `+c.template)
	t.Cleanup(func() {
		made.mu.Lock()
		delete(made.urls, path)
		made.mu.Unlock()
		c.exec(t, `drop database `+name+` with (force)`)
	})
	made.urls[path] = c.database(name)
	return made.urls[path]
}

// Empty is the address of a database without any schema.
func Empty(t testing.TB) string {
	t.Helper()
	c := start(t)
	sum := sha256.Sum256([]byte(t.Name()))
	name := "e" + strconv.Itoa(os.Getpid()) + "_" + hex.EncodeToString(sum[:8])
	c.exec(t, `create database `+name)
	t.Cleanup(func() { c.exec(t, `drop database `+name+` with (force)`) })
	return c.database(name)
}

// Raw opens the database that Config has made of the path, beside its store and without foreign keys: for rows that no use case makes.
func Raw(t testing.TB, path string) *sql.DB {
	t.Helper()
	if Wanted(t) == Postgres {
		return connect(t, URL(t, path)+"&session_replication_role=replica")
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=synchronous(0)")
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// Waits returns what looks whether a connection of the PostgreSQL database waits for another to end its transaction.
func Waits(t testing.TB, address string) func() bool {
	t.Helper()
	db := connect(t, address)
	t.Cleanup(func() { db.Close() })
	return func() (waits bool) {
		if err := db.QueryRowContext(context.WithoutCancel(t.Context()), `select exists (select 1 from pg_stat_activity
			where datname = current_database() and wait_event_type = 'Lock')`).Scan(&waits); err != nil {
			t.Error(err)
			return true
		}
		return waits
	}
}

// Hold runs a statement on a connection to the PostgreSQL database that stays open until release.
func Hold(t testing.TB, address, statement string) (release func()) {
	t.Helper()
	db := connect(t, address)
	db.SetMaxOpenConns(1)
	release = sync.OnceFunc(func() { db.Close() })
	t.Cleanup(release)
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	return release
}

// Other is the address of another database of the same PostgreSQL server, whether it exists or not.
func Other(t testing.TB, address, name string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// Way is a way to a PostgreSQL database that can be cut.
type Way struct {
	t        testing.TB
	from, to string // sockets
	mu       sync.Mutex
	listener net.Listener
	open     []net.Conn
}

// Through returns an address of the PostgreSQL database that goes over a way. It is open.
func Through(t testing.TB, address string) (string, *Way) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "tacho-way-") // short, as in launch
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	const socket = ".s.PGSQL.5432"
	w := &Way{t: t, from: filepath.Join(folder, socket), to: filepath.Join(q.Get("host"), socket)}
	q.Set("host", folder)
	u.RawQuery = q.Encode()
	w.Mend()
	t.Cleanup(func() {
		w.Cut()
		os.RemoveAll(folder)
	})
	return u.String(), w
}

// Mend opens the way.
func (w *Way) Mend() {
	w.t.Helper()
	l, err := net.Listen("unix", w.from)
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	w.listener = l
	w.mu.Unlock()
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", w.to)
			if err != nil {
				in.Close()
				continue
			}
			w.mu.Lock()
			w.open = append(w.open, in, out)
			w.mu.Unlock()
			for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
				go func() {
					_, _ = io.Copy(pair[0], pair[1])
					in.Close()
					out.Close()
				}()
			}
		}
	}()
}

// Cut closes the way, and all connections on it.
func (w *Way) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listener.Close()
	for _, c := range w.open {
		c.Close()
	}
	w.open = nil
}

// Exec runs a statement on a PostgreSQL database beside all stores, as the administrator of the server.
func Exec(t testing.TB, address, statement string) {
	t.Helper()
	db := connect(t, address)
	defer db.Close()
	if _, err := db.ExecContext(context.WithoutCancel(t.Context()), statement); err != nil {
		t.Fatal(err)
	}
}

// Careless is a function that goes on after its statement has failed. It stands here because a rehearsal ends those of tests.
func Careless(ctx context.Context, statement string) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		_, _ = tx.Exec(ctx, statement)
		return nil
	}
}

var made = struct {
	mu   sync.Mutex
	urls map[string]string
}{urls: map[string]string{}}

// cluster is a running PostgreSQL server.
type cluster struct {
	address  *url.URL // of its database "postgres"
	template string   // a database with our schema and nothing in it
	admin    *sql.DB
}

func (c *cluster) database(name string) string {
	u := *c.address
	u.Path = "/" + name
	return u.String()
}

func (c *cluster) exec(t testing.TB, statement string) {
	t.Helper()
	if _, err := c.admin.ExecContext(context.WithoutCancel(t.Context()), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func connect(t testing.TB, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", address) // the store has registered it
	if err != nil {
		t.Fatal(err)
	}
	return db
}

var once = struct {
	sync.Mutex
	cluster *cluster
	missing string
	err     error
}{}

func start(t testing.TB) *cluster {
	t.Helper()
	once.Lock()
	defer once.Unlock()
	if once.cluster == nil && once.missing == "" && once.err == nil {
		once.cluster, once.missing, once.err = newCluster(t)
	}
	if once.missing != "" {
		t.Skip(once.missing)
	}
	if once.err != nil {
		t.Fatal(once.err)
	}
	return once.cluster
}

func newCluster(t testing.TB) (c *cluster, missing string, err error) {
	t.Helper()
	address := os.Getenv("TACHO_TEST_PG")
	if address == "" {
		bin := programs()
		if bin == "" {
			return nil, "skipped on PostgreSQL: install it (apt-get install postgresql), or set TACHO_TEST_PG", nil
		}
		served, err := launch(bin, "off")
		if err != nil {
			return nil, "", err
		}
		held = append(held, served.input)
		address = served.address
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, "", err
	}
	c = &cluster{address: u, template: "template_" + strconv.Itoa(os.Getpid()), admin: connect(t, address)}
	c.admin.SetMaxOpenConns(2)
	// A process whose number was used before may have left its own behind.
	c.exec(t, `drop database if exists `+c.template)
	c.exec(t, `create database `+c.template)
	s, err := store.Open(context.WithoutCancel(t.Context()), store.Config{URL: c.database(c.template)})
	if err != nil {
		return nil, "", err
	}
	return c, "", s.Close()
}

// programs is the folder with the newest initdb and postgres, or "".
func programs() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.SortFunc(found, func(a, b string) int { return version(a) - version(b) })
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[len(found)-1])
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// script makes a cluster and serves it until its input ends, which is when the test process ends, by whatever cause. It is stopped by
// its own number, and its folder goes. A line of input crashes it and starts it again.
const script = `
serve() {
	"$1"/postgres -D "$2"/data -k "$2" -c listen_addresses= -c max_connections=1000 -c fsync=off -c synchronous_commit="$3" \
		-c full_page_writes=off -c shared_buffers=64MB -c max_wal_size=256MB -c autovacuum=off -c lc_messages=C >>"$2"/log 2>&1 &
	pid=$!
	until "$1"/pg_isready -q -h "$2" -U tacho; do kill -0 $pid 2>/dev/null || return 1; done
	echo ready $pid
}
"$1"/initdb --pgdata "$2"/data --username tacho --auth trust --encoding UTF8 --locale C --no-sync --no-instructions >"$2"/log 2>&1 ||
	{ cat "$2"/log; exit 1; }
serve "$@" || { cat "$2"/log; exit 1; }
while read -r _; do
	kill -KILL $pid
	wait $pid
	until serve "$@"; do :; done # its own processes may need a moment to notice
done
kill -INT $pid
wait $pid
rm -rf "$2"
`

// served is a cluster that the script serves.
type served struct {
	address string // of the database "postgres"
	input   io.WriteCloser
	output  *bufio.Reader
}

// ready waits until the cluster answers.
func (s *served) ready() error {
	line, err := s.output.ReadString('\n')
	if !strings.HasPrefix(line, "ready ") {
		rest, _ := io.ReadAll(s.output)
		return fmt.Errorf("start PostgreSQL: %s%s (%w)", line, rest, err)
	}
	return nil
}

// Crashing is the address of an empty database on a PostgreSQL server of the test's own, whose commits are in its log before they are
// answered, and what kills that server with kill -9 and starts it again. The test is skipped where PostgreSQL is not installed.
func Crashing(t testing.TB) (address string, crash func()) {
	t.Helper()
	bin := programs()
	if bin == "" {
		t.Skip("needs PostgreSQL: apt-get install postgresql")
	}
	s, err := launch(bin, "on")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.input.Close() })
	Exec(t, s.address, `create database tacho`)
	return strings.Replace(s.address, "/postgres?", "/tacho?", 1), func() {
		t.Helper()
		if _, err := io.WriteString(s.input, "crash\n"); err != nil {
			t.Fatal(err)
		}
		if err := s.ready(); err != nil {
			t.Fatal(err)
		}
	}
}

// launch starts the script as a user that PostgreSQL takes: it refuses to run as root. commit is what synchronous_commit is set to.
func launch(bin, commit string) (*served, error) {
	folder, err := os.MkdirTemp(inMemory(), "tacho-pg-") // short: a socket's path has at most 107 bytes
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("sh", "-c", script, "sh", bin, folder, commit)
	cmd.Dir = folder
	if os.Getuid() == 0 {
		uid, gid, err := unprivileged()
		if err != nil {
			return nil, err
		}
		if err := os.Chown(folder, uid, gid); err != nil {
			return nil, err
		}
		runAs(cmd, uid, gid)
	}
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &served{"postgres://tacho@/postgres?host=" + url.QueryEscape(folder), input, bufio.NewReader(out)}
	return s, s.ready()
}

// held has the input of the script: closed when this process ends, and not before, or it would be collected as garbage.
var held []io.Closer

func unprivileged() (uid, gid int, err error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil {
			return uid, gid, nil
		}
	}
	return 0, 0, fmt.Errorf("PostgreSQL does not run as root, and there is no user postgres or nobody")
}
