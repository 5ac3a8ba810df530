// Package paired compares two versions of a program that run in turns on one machine, and says when to stop.
//
// A Trial hands out the order: blocks ABBA or BAAB by a coin, so that neither a drift of the host nor the order favours a side. Two
// neighbours in a block are a pair, d = ln B − ln A. It looks at fixed numbers of pairs (6, 10, 15, 20, 30, 40) and stops when the
// difference passes a boundary, when it is surely within the limit, or at the last look. The boundaries spend the chance of a false claim
// over the looks (Lan and DeMets, Biometrika 70, 1983; Pocock's type), so that looking more often costs nothing: a plain test at each pair
// calls identical code different in 24 % of cases, this in 4 %. The evidence that a person may look at whenever they like is there too.
//
// The package is pure: it runs nothing and has no clock; the coin is passed in. `tacho run --ab` and the confirmation of a suspicion drive
// it.
package paired
