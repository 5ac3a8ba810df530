package httpapi

import (
	"github.com/tachograph/tacho/internal/server/store"
)

// PageInput are the parameters of every list.
type PageInput struct {
	PerPage   int    `query:"per_page" minimum:"1" maximum:"255" default:"8" doc:"rows of a page"`
	Page      int    `query:"page" minimum:"0" maximum:"1000000" default:"1" doc:"1 is the first; 0 too"`
	Direction string `query:"direction" enum:"asc,desc" doc:"order; each list says its own default"`
	Sort      string `query:"sort" maxLength:"32" doc:"accepted for Bencher's clients; each list has one order"`
}

// page is the window that was asked for; descending says the list's default order.
func (p PageInput) page(descending bool) store.Page {
	switch p.Direction {
	case "asc":
		descending = false
	case "desc":
		descending = true
	}
	return store.Page{Limit: p.PerPage, Offset: max(0, p.Page-1) * p.PerPage, Desc: descending}
}

// NamedInput narrows lists of named things.
type NamedInput struct {
	Name     string `query:"name" maxLength:"1024" doc:"exactly this name"`
	Search   string `query:"search" maxLength:"256" doc:"part of name or slug, or a UUID"`
	Archived bool   `query:"archived" doc:"only archived ones; otherwise only the others"`
}

func (n NamedInput) filter(p PageInput) store.ListFilter {
	return store.ListFilter{Name: n.Name, Search: n.Search, Archived: n.Archived, Page: p.page(false)}
}

// listOutput is a page of rows; the header says how many there are in all.
type listOutput[T any] struct {
	Total int `header:"X-Total-Count"`
	Body  []T
}

// bodyOutput is one thing.
type bodyOutput[T any] struct {
	Body T
}

func body[T any](v T, err error) (*bodyOutput[T], error) {
	if err != nil {
		return nil, err
	}
	return &bodyOutput[T]{v}, nil
}

// emptyOutput is a success without a body.
type emptyOutput struct{}

// ProjectPath is the part of the path that names a project.
type ProjectPath struct {
	Project string `path:"project" maxLength:"64" doc:"slug or UUID"`
}

// listed is a page of a list.
func listed[T any](rows []T, total int, err error) (*listOutput[T], error) {
	if err != nil {
		return nil, err
	}
	return &listOutput[T]{total, rows}, nil
}
