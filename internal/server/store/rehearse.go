package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
)

// Rehearsal says where a function of Tx is broken off before it runs to its end.
type Rehearsal int

// The rehearsals.
const (
	NoRehearsal Rehearsal = iota
	AtCommits
	AtStatements // at its commit, and then at one of its statements
)

var errRehearsed = errors.New("the transaction was rehearsed")

// practise breaks the transaction off: at its commit, and perhaps at one of its statements, each time at another. A function that goes on
// after a statement has failed is in error: PostgreSQL would have ended its transaction there.
//
// A function that a test has written may look at what it reads, and would find that nothing is there. It does not get the statement's
// error: it ends at once, as if it had panicked.
func (s *Store) practise(ctx context.Context, f func(*Tx) error) error {
	var statements, breakAt int64
	unwinds := ofTest(f)
	defer s.begun.Add(-1) // it is the one that follows
	perform := func(tx *Tx) error {
		tx.q.breakAt, tx.q.unwinds = breakAt, unwinds
		err := f(tx)
		statements = tx.q.statements
		return cmp.Or(err, errRehearsed)
	}
	if _, err := s.run(ctx, writes, perform); !errors.Is(err, errRehearsed) {
		return err
	} else if statements == 0 || s.rehearse != AtStatements {
		return nil
	}
	s.begun.Add(-1)
	breakAt = 1 + s.practised.Add(1)%statements
	if _, err := s.unwound(ctx, perform); errors.Is(err, errRehearsed) && statements >= breakAt {
		return fmt.Errorf("statement %d of a transaction failed, and its function went on", breakAt)
	}
	return nil
}

// unwinding is what ends a function of a test.
type unwinding struct{}

// unwound is run for a function that may be ended at a statement.
func (s *Store) unwound(ctx context.Context, f func(*Tx) error) (commit uint64, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			if _, ours := reason.(unwinding); !ours {
				panic(reason)
			}
			err = context.Canceled // as the statement would have been
		}
	}()
	return s.run(ctx, writes, f)
}

// ofTest says whether a function stands in a test.
func ofTest(f func(*Tx) error) bool {
	code := runtime.FuncForPC(reflect.ValueOf(f).Pointer())
	if code == nil {
		return false
	}
	file, _ := code.FileLine(code.Entry())
	return strings.HasSuffix(file, "_test.go") || strings.Contains(file, "/storetest/")
}

// hinder counts a statement. If it is the one that a rehearsal breaks off at, the context that it returns lets the statement fail.
func (n *noting) hinder(ctx context.Context) context.Context {
	if n.statements++; n.statements != n.breakAt {
		return ctx
	}
	if n.unwinds {
		panic(unwinding{})
	}
	broken, cancel := context.WithCancel(ctx)
	cancel()
	return broken
}
