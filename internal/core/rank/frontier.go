package rank

import (
	"cmp"
	"math"
	"slices"
)

// Domination says whether another kind is a better buy than this one.
type Domination string

// How surely a kind is dominated: another one is at least as cheap, and better with a probability of at least 95 % or 50 %.
const (
	NotDominated      Domination = ""
	ProbablyDominated Domination = "probably"
	Dominated         Domination = "dominated"
)

// Offer is a kind with its price. Prices are exact for their date; only the speed has an interval.
type Offer struct {
	Kind       int     // its place in Ranking.Kinds
	Price      float64 // for an hour, in the unit of the sheet
	Cost       float64 // of the work that one unit of the mean stands for: mean × price, or price ÷ mean where larger means are better
	Lower      float64 // of Cost, 95 % by machines; NaN for one machine
	Upper      float64
	Domination Domination
	By         int     // the kind that dominates it most surely, by its place in Ranking.Kinds; −1: none
	Chance     float64 // that By is better; NaN where none is, 0.5 … 1
}

// Offers are the kinds that have a price above zero, the cheapest first, and the names of those that have none. Kinds that nobody
// dominates are the frontier of price and speed. It takes a ranking by speed, not one by Options.Price. Of a kind with one machine nothing
// is known about its speed but one number: it dominates none, and none dominates it.
func (r Ranking) Offers(prices map[string]float64, higher bool) (offers []Offer, unpriced []string) {
	chance := r.chances()
	for i, k := range r.Kinds {
		price := prices[k.Name]
		if !(price > 0) || math.IsInf(price, 0) {
			unpriced = append(unpriced, k.Name)
			continue
		}
		o := Offer{Kind: i, Price: price, Cost: k.Mean * price, Lower: k.Lower * price, Upper: k.Upper * price, By: -1, Chance: math.NaN()}
		if higher {
			o.Cost, o.Lower, o.Upper = price/k.Mean, price/k.Upper, price/k.Lower
		}
		for j, other := range r.Kinds {
			p := prices[other.Name]
			if j == i || !(p > 0) || p > price {
				continue
			}
			if c := chance[[2]int{j, i}]; c >= 0.5 && !(c <= o.Chance) {
				o.By, o.Chance = j, c
			}
		}
		switch {
		case o.Chance >= 0.95:
			o.Domination = Dominated
		case o.Chance >= 0.5:
			o.Domination = ProbablyDominated
		}
		offers = append(offers, o)
	}
	slices.SortStableFunc(offers, func(a, b Offer) int {
		return cmp.Or(cmp.Compare(a.Price, b.Price), cmp.Compare(a.Kind, b.Kind))
	})
	return offers, unpriced
}

// chances are the probabilities that the first kind of a pair is better than the second, in both orders: with flat priors, 1 − p/2 of the
// two-sided Welch test in the direction of the means, unadjusted. A pair without a test is not in it.
func (r Ranking) chances() map[[2]int]float64 {
	out := map[[2]int]float64{}
	for _, p := range r.Pairs {
		if math.IsNaN(p.P) {
			continue
		}
		out[[2]int{p.A, p.B}], out[[2]int{p.B, p.A}] = 1-p.P/2, p.P/2
	}
	return out
}
