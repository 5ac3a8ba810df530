// Package channel is the protocol between server and runner: the codec of its messages and both halves as pure functions, without
// connections and without clocks. The hub drives the server half (Decide), the daemon drives the runner half (RunnerMachine), and a test
// plays them against each other with dropped, doubled and reordered frames.
//
// A connection begins with hello: the runner says which jobs it still holds. For each the server answers ack (go on), cancel (stop it and
// say canceled) or abandon (not yours any more), and last an ack that repeats hello's seq and names no job. Then the runner asks with
// ready, one at a time, and gets job or no_job.
//
// About a job the runner sends running, phase, log, heartbeat and at the end exactly one of completed, failed, canceled. Each is answered
// by exactly one ack, cancel or abandon with the same job, epoch and seq. Numbers rise from 1 and may have gaps; a message whose number is
// not above the last one seen is answered again and changes nothing, except that a heartbeat always renews the lease. The terminal message
// has TerminalSeq, so that it is one and the same after a restart of the runner.
//
// Outputs go up by HTTP before the terminal message. An ack of a terminal message means that all of it is durably with the server;
// reading and judging come after. Over plain HTTP the same messages are posted one by one and the reply is the answer's body.
//
// The epoch fences: it rises with each claim, and a message with another epoch than the job's, or from another runner than the one that
// claimed it, changes nothing and is answered with abandon.
package channel
