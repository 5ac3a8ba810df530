//go:build !race

package property

// cases of a property at least.
const cases = 100

// Few reports whether this run looks at what runs beside what: tests that walk over many cases themselves take some of them then.
const Few = false
