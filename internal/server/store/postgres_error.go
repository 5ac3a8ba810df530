package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tachograph/tacho/internal/core/fault"
)

// Codes of PostgreSQL's appendix A that mean something to us.
const (
	codeUnique           = "23505"
	codeForeignKey       = "23503"
	codeReadOnly         = "25006"
	codeSerialization    = "40001"
	codeDeadlock         = "40P01"
	codeNoPassword       = "28P01"
	codeNotAuthorized    = "28000"
	codeNoDatabase       = "3D000"
	codeNoPrivilege      = "42501"
	codeDiskFull         = "53100"
	codeTooMany          = "53300"
	codeShutdown         = "57P01"
	codeCrash            = "57P02"
	codeStarting         = "57P03"
	codeInputOutput      = "58030"
	classConnection      = "08"
	classDamaged         = "XX00" // XX001 a page, XX002 an index; XX000 is an internal error, and no damage
	codeInternal         = "XX000"
	codeCachedPlanFailed = "0A000" // the schema was changed under a prepared statement
)

const postgresReadOnly = "the database takes no writes: it is a standby, or set to read only; point tacho at the primary server"

func postgresCode(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

func postgresDuplicate(err error) bool  { return postgresCode(err) == codeUnique }
func postgresReferenced(err error) bool { return postgresCode(err) == codeForeignKey }

// again says that others were in the way, or that the connection broke before COMMIT was sent: nothing has happened.
func (p postgres) again(err error) bool {
	switch postgresCode(err) {
	case codeSerialization, codeDeadlock:
		return true
	case codeCachedPlanFailed:
		return strings.Contains(err.Error(), "cached plan")
	}
	return p.lost(err)
}

// lost says that the server or the way to it is gone. A context that ended cuts the connection, too, and is not meant.
func (postgres) lost(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	switch code := postgresCode(err); {
	case code == codeShutdown, code == codeCrash, code == codeStarting, strings.HasPrefix(code, classConnection):
		return true
	case code != "":
		return false
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		pgconn.SafeToRetry(err) || strings.Contains(err.Error(), "conn closed")
}

func (p postgres) explain(err error) (explained error, damaged bool) {
	say := func(sentence string) (error, bool) { return fault.Wrap(fault.Unavailable, err, "%s", sentence), false }
	switch code := postgresCode(err); code {
	case "":
	case codeDiskFull:
		return say("the disk of the database is full; free space there and try again")
	case codeInputOutput:
		return say("the disk of the database cannot be read or written; look at PostgreSQL's log, then try again")
	case codeReadOnly:
		return say(postgresReadOnly)
	case codeTooMany:
		return say("the database has no connection left; raise max_connections, or run fewer servers on it")
	case codeNoPassword, codeNotAuthorized:
		return say("the database refuses this user or password; give the password in PGPASSWORD or ~/.pgpass")
	case codeNoDatabase:
		return say("the database does not exist; make it with createdb")
	case codeNoPrivilege:
		return say("the database's user may not do this; make it the owner of the database")
	case codeSerialization, codeDeadlock:
		return say("other writers were in the way each time it was tried; try again")
	default:
		if strings.HasPrefix(code, classDamaged) && code != codeInternal {
			explained, _ := say("the database is damaged; restore it from a backup")
			return explained, true
		}
	}
	if p.lost(err) {
		return say("the database does not answer; it is away, or starts again; try again")
	}
	return err, false
}
