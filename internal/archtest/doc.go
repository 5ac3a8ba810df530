// Package archtest keeps the house in order. Its tests fail when a package is in no row of the table (table_test.go, the rooms of
// ARCHITECTURE.md) or imports what its row does not allow, when a library gains another owner, when SQL is run outside of the room of its
// noun, when the core reads a clock or the outside world, when a package has no doc comment, and when a line is too long.
//
// It holds no code that runs.
package archtest
