// Package provider is what a cloud must be able to do for sweeps, in our words: make a machine, list what is there by tag, and remove it.
//
// A provider keeps nothing that is needed to find its machines again: tags travel in the call that makes them. Each kind of machine is a
// package below this one, and providertest is what each of them must do. Controllers and nuke call providers; nothing else does.
package provider

import (
	"context"
	"time"

	"github.com/tachograph/tacho/internal/core/sweep"
)

// The tags that machines, disks and addresses carry from the call on that makes them.
const (
	TagOwner   = "tacho:owner"   // the installation
	TagSweep   = "tacho:sweep"   // the id of the sweep
	TagMachine = "tacho:machine" // the token
	TagExpires = "tacho:expires" // RFC 3339, UTC
)

// Provider makes and removes machines of one cloud. Every method is safe to repeat, and may be called by many goroutines. Errors are
// *Error; any other is of class Unknown.
type Provider interface {
	Traits() Traits
	// Doctor looks whether a sweep could run: credentials, rights, image, network, quota, clock.
	Doctor(ctx context.Context) []Check
	// Regions lists the regions in which machines of ours may be. A provider without regions has one, "".
	Regions(ctx context.Context) ([]string, error)
	// Types lists what a region offers. Empty: any type that the caller names.
	Types(ctx context.Context, region string) ([]Type, error)
	// Price is what a machine costs there; Unsupported for a type that the region does not have.
	Price(ctx context.Context, region, typ string, m sweep.Market) (sweep.Price, error)
	// Create makes a machine with tags, time to live and user data in one call. The same token again is the same machine, which may have
	// ended by now. One without time left is Invalid: TTL says so, and not Expires, which is by another machine's clock.
	Create(ctx context.Context, w Want) (Machine, error)
	// List shows what carries the tags that the filter names, by the provider's word alone. Machines that have ended may be listed for a
	// while, as Ended. A region that cannot be listed is an error, never an empty list.
	List(ctx context.Context, region string, f Filter) ([]Machine, []Leftover, error)
	// Destroy removes things. An unknown id is success. That it returns does not mean that they are gone: List says so.
	Destroy(ctx context.Context, region string, refs []Ref) error
}

// Traits are what differs between providers and what a plan and a controller must know.
type Traits struct {
	Name                string
	PowerOffEndsBilling bool          // a machine that powers itself off costs nothing from then on
	NativeTTL           bool          // the provider ends a machine at its expiry without the machine's help
	Destroys            bool          // false: machines belong to somebody else and are left alone
	ListsAtOnce         bool          // a list shows what is there now, and not what was a moment ago
	Zones               bool          // a region has zones
	Spot                bool          // machines can be bought that may be taken back
	MinBilled           time.Duration // what a machine is billed at least
	Slack               time.Duration // how long after its expiry a machine may still be billed
}

// Check is one finding of Doctor.
type Check struct {
	Name     string
	OK       bool
	Sentence string // what was found and, if it is not OK, the way out
}

// Type is one instance type.
type Type struct {
	Name     string
	Arch     string // amd64 or arm64
	VCPUs    int
	Cores    int // 0: not known
	MemoryMB int
	Zones    []string // that offer it
}

// Want is a machine to be made.
type Want struct {
	Token    string // the idempotency token, and the tag tacho:machine
	Owner    string
	Sweep    string
	Region   string
	Zone     string // "": any
	Type     string
	Market   sweep.Market
	Image    string // of the machine; "": the provider's default
	UserData []byte
	Expires  time.Time     // absolute, by the ledger's clock: the tag
	TTL      time.Duration // what is left until then; the machine's timer counts it without its wall clock
}

// State is where a machine is, by its provider's word.
type State string

// The states. Stopping ends in Ended by itself.
const (
	Pending  State = "pending"
	Running  State = "running"
	Stopping State = "stopping"
	Ended    State = "ended"
)

// Machine is what a provider says of a machine.
type Machine struct {
	Token    string
	NativeID string
	Owner    string
	Sweep    string
	Region   string
	Zone     string
	Type     string
	Market   sweep.Market
	State    State
	Launched time.Time // since when it is billed
	Ended    time.Time // until when it was billed; zero: not known or not ended
	Expires  time.Time // by its tag
	Taken    bool      // the provider takes it back, or did
}

// Kind is what kind of thing a reference means. Things are removed in this order, because the later ones are in use by the earlier ones.
type Kind string

// The kinds.
const (
	KindMachine Kind = "machine"
	KindDisk    Kind = "disk"
	KindAddress Kind = "address"
	KindNetwork Kind = "network"
	KindGroup   Kind = "group"
)

// Kinds lists all kinds in the order in which things are removed.
var Kinds = []Kind{KindMachine, KindDisk, KindAddress, KindNetwork, KindGroup}

// Ref names one thing in a region.
type Ref struct {
	Kind Kind
	ID   string // the provider's
}

// Leftover is a thing that costs money or a name and is not a machine.
type Leftover struct {
	Ref
	Owner   string
	Sweep   string // "": of no sweep in particular
	Token   string // of the machine that it was made for; "": of none
	Region  string
	Made    time.Time
	Expires time.Time
}

// Filter says which things to list: those that carry each tag that is not empty. Owner is never empty.
type Filter struct {
	Owner string
	Sweep string
	Token string
}

// Matches reports whether tags pass the filter.
func (f Filter) Matches(owner, sweepID, token string) bool {
	return owner == f.Owner && (f.Sweep == "" || sweepID == f.Sweep) && (f.Token == "" || token == f.Token)
}
