package event

import (
	"cmp"
	"slices"
)

// Match says which event each item is: the one that most of its members belonged to. of names the event of each change that had one. Of
// several the event with more of the item's members is taken, then the one whose id comes first: an older one, as ids are made; each event
// is taken once. "" stands for an item that is new. Events that no item takes are not found any more.
func Match(items []Item, of map[string]string) []string {
	type pair struct {
		item, shared int
		event        string
	}
	var pairs []pair
	for i, item := range items {
		shared := map[string]int{}
		for _, m := range item.Members {
			if e := of[m]; e != "" {
				shared[e]++
			}
		}
		for e, n := range shared {
			pairs = append(pairs, pair{i, n, e})
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(b.shared, a.shared), cmp.Compare(a.event, b.event), cmp.Compare(a.item, b.item))
	})
	out, taken := make([]string, len(items)), map[string]bool{}
	for _, p := range pairs {
		if out[p.item] == "" && !taken[p.event] {
			out[p.item], taken[p.event] = p.event, true
		}
	}
	return out
}
