package value

import (
	"errors"
	"strconv"
	"strings"
)

// ParsePart reads a part above 0 and up to 1: "2%", "2 %" or "0.02".
func ParsePart(text string) (float64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v > 0 && v <= 1) {
		return 0, errors.New("want a percentage above 0 and up to 100%, as 2% or 0.02")
	}
	return v, nil
}
