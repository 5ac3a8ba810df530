// Package sweep is the room of sweeps: one workload on many kinds of machine. A sweep has pools of machines that are alike, a pool has
// slots, each the place of one machine, and a slot has tasks. A task is a job: this room says which job is which task and which slot it
// is of, and the queue hands it to the machine of that slot.
//
// Service is for people and for machines. People start a sweep, look at it and stop it; what was asked for becomes sweep, pools, slots,
// specs, testbeds, reports and jobs in one transaction, or nothing does. A machine buys its runner's key with the token in its user data,
// once and for one slot, and says now and then how far it is. Book is for controllers, which make and remove the machines: it is the
// ledger of package cloud/ledger, whose rules it runs over rows. Each write of a controller names its epoch, and an old one changes
// nothing; the budget is held in the transaction that writes a machine down before its provider is asked.
//
// Guests are machines of others, with runners of their own kind (guest.go, guestreport.go, and bundle.go for what they upload): rows and
// leases are the same, a key and a controller they have not. What a sweep left is an archive, made while it is sent, and the standings of
// its machines (measured.go); what a workload must say is held against its output before a value is stored (assert.go).
//
// Who holds what: all that changes in a sweep, but for its jobs, is changed by whoever holds the sweep's row, so that controllers, people
// and machines follow each other. Jobs have their own life; what a stopped sweep leaves in the queue is canceled after the commit, and
// again by Run, should the server have died in between.
//
// The room stands above report. Who calls it: the edges, a controller in this process or elsewhere, and the dispatcher of events, by way
// of the composition root.
package sweep
