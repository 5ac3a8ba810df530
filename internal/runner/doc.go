// Package runner is the daemon that takes jobs from a server and runs them on this machine, and the one-shot run without a server.
//
// The road of a job here: a link (WebSocket, or long-poll where the upgrade fails) brings it; the executor checks that the machine is
// what the spec asks for, pulls and unpacks the image once, and runs each iteration in a fresh sandbox; output is written to the spool
// and, up to a limit, sent live; the result is spooled, its outputs are uploaded by HTTP, its end is told, and only the server's ack
// removes it from the spool. What happens when is decided by channel.RunnerMachine, a pure state machine; Daemon is the loop around it.
//
// The package does not isolate anything, nor unpack or store: isolate, image, spool and hostinfo below it do. It does not know the server's
// code, only its protocol. The CLI's runner commands call it.
package runner
