// Package job is the room of jobs: their rows, and the life of a job on the server. A row is one execution on one runner, with its
// attempts, lease, log, events and outputs. The jobs that one or two reports wait for are a measurement.
//
// Service prepares and inserts jobs, hands them to runners, takes what runners say, has results read and judged, and ends what ran out of
// time. What a state is and what a message may change is decided by the pure packages core/job and core/channel; this package is the
// transaction around them. Claims come through one function, whichever way a runner waits. An insert, a job that goes back, and a place
// that becomes free each wake one waiting runner; nobody polls the database. Heartbeats live in memory and renew leases in batches; one
// sweeper ends what nobody renewed. A terminal message is acknowledged when all of it is stored; reading and judging comes after, by a
// small pool, and what a stopped server had not read is read at the next start.
//
// Who calls it: the hub brings what runners say; pages and REST ask for jobs, and cancel or retry them; fleet and project wake and cancel
// jobs through interfaces of their own. Report, which stands above this room, makes jobs in the same way, and this room closes reports
// through the interface Reports. Prepared is what this room makes of a submission; report holds it until there is a row to name.
package job
