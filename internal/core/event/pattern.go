package event

// Fits says whether a name is as a pattern says: * stands for any text, also none, and ? for one character; all else for itself. Time is at
// most the product of the lengths.
func Fits(pattern, name string) bool {
	p, n := []rune(pattern), []rune(name)
	star, back := -1, 0 // the last * that was met, and what it stands for ends there
	i, j := 0, 0
	for j < len(n) {
		switch {
		case i < len(p) && p[i] == '*':
			star, back = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == n[j]):
			i++
			j++
		case star >= 0:
			back++
			i, j = star+1, back
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}
