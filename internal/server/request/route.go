package request

import (
	"net/http"

	"github.com/tachograph/tacho/internal/core/access"
)

// Route is a route under /v0 that is a plain handler, because it streams, upgrades or speaks to machines: what the document says of it, and
// the handler, which authorizes.
type Route struct {
	Method, Path string
	ID           string // operationId
	Summary      string
	Action       access.Action
	Query        []Query
	Body         any    // a value of the body's type; nil: none, or a stream when BodyType is given
	BodyType     string // of the body; empty: JSON
	Answers      []Answered
	Handle       http.HandlerFunc
}

// Query is a parameter behind the question mark.
type Query struct {
	Name, About string
	Required    bool
}

// Answered is one successful answer.
type Answered struct {
	Status int
	About  string
	Body   any    // a value of its type; nil: none, or a stream when Type is given
	Type   string // of its content; empty: JSON
}
