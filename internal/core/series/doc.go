// Package series says what identifies a line of points and where a report stands on it.
//
// A series is a testbed, a benchmark and a measure; a branch's points come in through versions. A branch has one current head, one
// incarnation of it; a head holds versions, numbered from 0 in the order in which they arrived. A head that starts from another branch
// shares that branch's versions, and with them its metrics, up to its start point. What is measured on a shared version counts for the head
// that it was measured on and for those that started from it, not for the start point. From these words follow the rules here:
//
//   - Origin: which project, branch, commit and testbed a submission speaks of, from its fields and its context. There is no default
//     branch: a run that does not know its branch is refused, because points that land on "main" in silence poison its history.
//   - NextHead: whether a submission goes on with the branch's head, begins a fresh one, or begins one with a copied history.
//   - NextNumber and Point: how versions are numbered and how points are ordered.
//   - Horizon: which earlier points a report may be judged against. Nothing newer than itself, and not its own iterations.
//
// The package has no I/O. The store keeps the rows and follows these rules; report calls them.
package series
