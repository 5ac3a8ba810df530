// Package cli is what all commands of the command line share: the environment that they work in (Env), the one table of exit codes, the one
// way to a server or to the store of this machine (Connection, Session), lists, and the root command. Each family of commands is a folder;
// package verbs lists them, and the family's file that is named after a verb makes its command: flags in, one call of the client, a table
// or JSON out.
//
// stdout is the answer, stderr is the story: with --json or --format json nothing but JSON comes on stdout. Colours and lines that are
// written over appear on a terminal only. An error is one sentence on stderr, after "tacho:", with a hint when there is a way out; the exit
// code says what happened (core/fault) and each --help lists the codes that its command can end with.
//
// A command never calls the server's parts: it goes through package client, over the network or, without --host, into a server in this
// process (Env.Embedded). Everything that a command takes from the process comes in an Env, so that tests run it as cmd/tacho does.
package cli
