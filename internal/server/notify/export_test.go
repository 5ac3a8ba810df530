package notify

// What tests reach for.
var (
	Take   = take
	Spread = spread
	Pause  = pause
)

// Queries are those of the background, which must not read whole tables.
var Queries = map[string]string{
	"new events": unspread,
	"old":        `select exists (select 1` + forgettable + `)`,
	"due":        `select exists (select 1` + open + `)`,
}
