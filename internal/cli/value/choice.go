package value

import (
	"fmt"
	"strconv"
)

// Choice is a flag that is true, false or not given, where each means something else.
type Choice struct{ Given, Value bool }

// Is says whether the flag was given with this value.
func (c Choice) Is(value bool) bool { return c.Given && c.Value == value }

// String is the value as help and the flag library print it.
func (c *Choice) String() string {
	if !c.Given {
		return ""
	}
	return strconv.FormatBool(c.Value)
}

// Type is the name that help shows: none, as for a switch.
func (c *Choice) Type() string { return "bool" }

// Set reads true or false.
func (c *Choice) Set(s string) error {
	value, err := strconv.ParseBool(s)
	if err != nil {
		return fmt.Errorf("want true or false")
	}
	c.Given, c.Value = true, value
	return nil
}
