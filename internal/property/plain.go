//go:build !race

package property

// cases of a property at least.
const cases = 100
