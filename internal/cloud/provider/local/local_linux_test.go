package local_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tachograph/tacho/internal/cloud/provider"
	"github.com/tachograph/tacho/internal/cloud/provider/local"
	"github.com/tachograph/tacho/internal/cloud/provider/providertest"
)

// TestMain is the guard, too: the test's own binary stands for tacho.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "guard" {
		ttl, err := time.ParseDuration(os.Args[3])
		if err == nil {
			err = local.Watch(os.Args[2], ttl, os.Stdout)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const owner = "installation-1"

// newProvider is a provider whose machines sleep, and write the id of their process into a file. None outlives the test.
func newProvider(t *testing.T, script string) (*local.Provider, string) {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := local.New(local.Config{Dir: dir, Guard: []string{self, "guard"},
		Command: func(provider.Want) []string { return []string{"/bin/sh", "-c", script} }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, owner := range []string{owner, "installation-2"} {
			ms, _, err := p.List(t.Context(), "", provider.Filter{Owner: owner})
			if err != nil {
				t.Error(err)
			}
			for _, m := range ms {
				destroy(t, p, m.NativeID)
			}
		}
	})
	return p, dir
}

const sleeps = `echo $$ > pid.tmp && mv pid.tmp pid; exec sleep 600`

func destroy(t *testing.T, p *local.Provider, id string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // a cleanup runs when the test's context has ended
	if err := p.Destroy(ctx, "", []provider.Ref{{Kind: provider.KindMachine, ID: id}}); err != nil {
		t.Error(err)
	}
}

func create(t *testing.T, p *local.Provider, token string, ttl time.Duration) provider.Machine {
	t.Helper()
	m, err := p.Create(t.Context(), provider.Want{Token: token, Owner: owner, Sweep: "nightly", Type: "process", TTL: ttl,
		Expires: time.Now().Add(ttl)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func state(t *testing.T, p *local.Provider, token string) provider.State {
	t.Helper()
	ms, _, err := p.List(t.Context(), "", provider.Filter{Owner: owner, Token: token})
	if err != nil || len(ms) != 1 {
		t.Fatalf("%+v, %v", ms, err)
	}
	return ms[0].State
}

// until looks again and again until the condition holds; ten seconds is ten times what it takes.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("%s: not so after ten seconds", what)
}

func alive(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(text), ") Z ")
}

// pidOf is the process of a machine, once it has said so.
func pidOf(t *testing.T, dir, token string) (pid int) {
	t.Helper()
	until(t, "the machine's process says its id", func() bool {
		text, err := os.ReadFile(filepath.Join(dir, token, "pid"))
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil
	})
	return pid
}

func TestProcessesAreAProvider(t *testing.T) {
	providertest.Run(t, func(t *testing.T) *providertest.Fixture {
		p, _ := newProvider(t, sleeps)
		return &providertest.Fixture{Provider: p, Type: "process", Now: time.Now, Wait: func(t *testing.T, what string, holds func() bool) {
			t.Helper()
			until(t, what, holds)
		}}
	})
}

func TestAMachineEndsAtItsExpiryWithoutAnybodysHelp(t *testing.T) {
	t.Parallel()
	p, dir := newProvider(t, `trap '' TERM; `+sleeps)
	create(t, p, "m1", time.Second)
	pid := pidOf(t, dir, "m1")
	until(t, "it has ended", func() bool { return state(t, p, "m1") == provider.Ended && !alive(pid) })
}

func TestDestroyingEndsTheWholeGroup(t *testing.T) {
	t.Parallel()
	p, dir := newProvider(t, `trap '' TERM; sleep 600 & echo $! > pid.tmp && mv pid.tmp pid; wait; sleep 600`)
	m := create(t, p, "m1", time.Hour)
	child := pidOf(t, dir, "m1")
	destroy(t, p, m.NativeID)
	until(t, "the child of its process has ended", func() bool { return !alive(child) })
}

func TestAGuardThatIsKilledTakesItsMachineWithIt(t *testing.T) {
	t.Parallel()
	p, dir := newProvider(t, sleeps)
	create(t, p, "m1", time.Hour)
	pid := pidOf(t, dir, "m1")
	var s struct{ PID int }
	text, err := os.ReadFile(filepath.Join(dir, "m1", "started.json"))
	if err != nil || json.Unmarshal(text, &s) != nil {
		t.Fatal(string(text), err)
	}
	if err := syscall.Kill(s.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "the machine has ended", func() bool { return state(t, p, "m1") == provider.Ended && !alive(pid) })
}

// A process that got the id of a machine's guard is not ours to kill, even if somebody holds the lock.
func TestAReusedProcessIDIsNotKilled(t *testing.T) {
	t.Parallel()
	p, dir := newProvider(t, sleeps)
	m := create(t, p, "m1", time.Hour)
	name := filepath.Join(dir, "m1", "started.json")
	was, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	stranger := exec.Command("sleep", "600")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		_ = stranger.Wait()
		close(gone)
	}()
	reused := fmt.Sprintf(`{"pid":%d,"start":"1","launched":"2026-07-22T12:00:00Z"}`, stranger.Process.Pid)
	if err := os.WriteFile(name, []byte(reused), 0o600); err != nil {
		t.Fatal(err)
	}
	destroy(t, p, m.NativeID)
	if !alive(stranger.Process.Pid) {
		t.Error("a stranger was killed")
	}
	if err := stranger.Process.Kill(); err != nil {
		t.Error(err)
	}
	<-gone
	if err := os.WriteFile(name, was, 0o600); err != nil { // so that the cleanup finds it
		t.Fatal(err)
	}
}

func TestAMachineFindsItsUserDataInItsFolder(t *testing.T) {
	t.Parallel()
	p, dir := newProvider(t, `cp user-data seen.tmp && mv seen.tmp seen; exec sleep 600`)
	if _, err := p.Create(t.Context(), provider.Want{Token: "m1", Owner: owner, Sweep: "nightly", Type: "process", TTL: time.Hour,
		Expires: time.Now().Add(time.Hour), UserData: []byte("enrol-token")}); err != nil {
		t.Fatal(err)
	}
	until(t, "the machine has read it", func() bool {
		text, _ := os.ReadFile(filepath.Join(dir, "m1", "seen"))
		return string(text) == "enrol-token"
	})
	if info, err := os.Stat(filepath.Join(dir, "m1", "user-data")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others can read it: %v, %v", info.Mode(), err)
	}
}

func TestATokenThatIsNoNameIsInvalid(t *testing.T) {
	t.Parallel()
	p, _ := newProvider(t, sleeps)
	for _, token := range []string{"", "..", "a/b", ".hidden", strings.Repeat("a", 101)} {
		_, err := p.Create(t.Context(), provider.Want{Token: token, Owner: owner, Sweep: "nightly", Type: "process", TTL: time.Hour,
			Expires: time.Now().Add(time.Hour)})
		if err == nil || provider.Of(err).Class != provider.Invalid {
			t.Errorf("token %q: %v", token, err)
		}
	}
}
