package cli

import (
	"fmt"
	"strconv"
)

// choice is a flag that is true, false or not given, where each means something else.
type choice struct{ set, value bool }

func (c choice) is(value bool) bool { return c.set && c.value == value }

// String is the value as help and the flag library print it.
func (c *choice) String() string {
	if !c.set {
		return ""
	}
	return strconv.FormatBool(c.value)
}

// Type is the name that help shows: none, as for a switch.
func (c *choice) Type() string { return "bool" }

// Set reads true or false.
func (c *choice) Set(s string) error {
	value, err := strconv.ParseBool(s)
	if err != nil {
		return fmt.Errorf("want true or false")
	}
	c.set, c.value = true, value
	return nil
}
