// Package threshold is the room of thresholds, their models, and the alerts that they raise. How a model judges is in core/judge.
//
// Service is for people: thresholds, and what is done about alerts. The edges call it, and name the filters of its lists. Following gives
// branches the thresholds of those that they started from, for series. Report and explore call the rows.
package threshold
