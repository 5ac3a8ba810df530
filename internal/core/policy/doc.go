// Package policy says how each line of a project is judged: by which test, from which size on a change counts, how strictly, how severe it
// is and who hears of it. A line is a benchmark and a measure on a testbed, along a branch.
//
// A policy is a text (tacho.yaml), a list of rules. A rule has a selector, which names lines by patterns, and settings. All rules that
// select a line apply, in the order of the text, and of each setting the last one holds, as in .editorconfig and .gitattributes: general
// rules come first, exceptions after them. What no rule says has a default, so an empty policy is a policy.
//
// Parse reads a text strictly: what it does not know, and rules that contradict each other, are mistakes with line, column and a caret.
// ParseStored reads one that was set before, perhaps by another version: what it does not know is left out, and said.
// Resolve answers for one line, Unreached and Unmatched say which rules matter for nothing, and Concern whom a change of policy may matter
// to. Noisy and Counted are the changes of a line in one form.
//
// The package is pure: no files, no clock. A Policy is never changed once it is parsed and safe for concurrent use.
package policy
