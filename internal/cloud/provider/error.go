package provider

import (
	"errors"
	"fmt"
	"time"

	"github.com/tachograph/tacho/internal/core/sweep"
)

// Class says what to do about an error of a provider.
type Class string

// The classes.
const (
	Capacity    Class = "capacity"    // none to be had there: another zone or region, or later
	Quota       Class = "quota"       // the account may not have one more: wait until one is gone
	Unsupported Class = "unsupported" // this combination never works: skip the pool
	Throttled   Class = "throttled"   // too many requests: wait, with all of this provider
	Auth        Class = "auth"        // credentials or rights: make no more machines, close what is there
	Invalid     Class = "invalid"     // a request that the provider does not understand: as Auth, since it is our mistake
	Interrupted Class = "interrupted" // the market has none left for this price: on demand
	Unavailable Class = "unavailable" // no answer, or 5xx: it may have happened
	Unknown     Class = "unknown"     // anything else: it may have happened
)

// Classes lists all classes.
var Classes = []Class{Capacity, Quota, Unsupported, Throttled, Auth, Invalid, Interrupted, Unavailable, Unknown}

// reasons are why the row of a machine is refused, by the class of the provider's answer. A class that is not here says nothing of the
// machine.
var reasons = map[Class]sweep.Reason{
	Capacity: sweep.BecauseCapacity, Quota: sweep.BecauseQuota, Unsupported: sweep.BecauseUnsupported, Throttled: sweep.BecauseThrottled,
	Auth: sweep.BecauseCredential, Invalid: sweep.BecauseInvalid, Interrupted: sweep.BecauseReclaimed,
}

// Reason is why a machine was not made.
func (c Class) Reason() sweep.Reason {
	if r, ok := reasons[c]; ok {
		return r
	}
	return sweep.BecauseNoAnswer
}

// Error is an error of a provider, and says what to do next.
type Error struct {
	Class           Class
	MayHaveHappened bool          // the request may have been carried out all the same
	RetryAfter      time.Duration // 0: the provider does not say
	Err             error
}

func (e *Error) Error() string {
	if e.Err == nil {
		return string(e.Class)
	}
	return fmt.Sprintf("%s: %v", e.Class, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Of returns the provider's error in err's chain; what has none, a broken connection or a deadline, is Unknown and may have happened.
func Of(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		if e.Class == Unavailable || e.Class == Unknown { // nothing else was proven
			return &Error{Class: e.Class, MayHaveHappened: true, RetryAfter: e.RetryAfter, Err: e.Err}
		}
		return e
	}
	return &Error{Class: Unknown, MayHaveHappened: true, Err: err}
}
