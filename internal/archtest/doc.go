// Package archtest keeps the house in order: its tests fail when a package imports against the direction of ARCHITECTURE.md, has no doc
// comment, when a heavy library gains a second owner, or when the core reads a clock.
//
// It holds no code that runs.
package archtest
