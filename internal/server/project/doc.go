// Package project is the room of projects and of the repositories that they belong to: their rows, what is asked of them, and their wire
// form. A project belongs to an organization; one that was deleted is hidden at once and purged later.
//
// Every room may call it that stands above it (see archtest).
package project
