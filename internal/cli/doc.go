// Package cli is the command line: flags in, one call of the client, tables or JSON out. One file holds one verb.
//
// stdout is the answer, stderr is the story: with --json or --format json nothing but JSON comes on stdout. Colours and lines that are
// written over appear on a terminal only. An error is one sentence on stderr, after "tacho:", with a hint when there is a way out; the exit
// code says what happened (core/fault) and each --help lists the codes that its command can end with.
//
// A command never calls the server's parts: it goes through package client, over the network or, without --host, into a server in this
// process (Env.Embedded). Everything that a command takes from the process comes in an Env, so that tests run it as cmd/tacho does.
package cli
