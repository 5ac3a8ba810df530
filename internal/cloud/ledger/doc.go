// Package ledger is what a controller of sweeps reads and writes: the rows of a sweep, its pools, slots and machines, behind an interface.
//
// Two things make it a ledger. A machine's row is committed before its provider is asked, in one transaction with the budget, the slot and
// the controller's epoch; and what an older epoch writes is refused, so that a controller that was thought dead changes nothing when it
// wakes. The rules themselves (Machine.Apply, Snapshot.Intend and so on) are pure functions here, over the tables of core/sweep: an
// implementation reads rows, calls them, and writes what comes back, in one transaction.
//
// Memory is a ledger for tests and for a sweep without a server; the server's is in its room of sweeps. What each of them must do is
// ledgertest.
package ledger
