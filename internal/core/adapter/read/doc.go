// Package read is the adapters' tool box: it reads lines, JSON, XML, tables, words and numbers, and knows no benchmark tool.
//
// What it promises: an input is read once, from its beginning to its end. Of a stream no more is held than a window, which grows with
// the longest line or text, up to four times limits.AdapterLineBytes. JSON and XML nest no deeper than limits.JSONDepth. What is left
// out is counted in the Scanner: lines that are too long, rows that are none, samples beyond limits.SamplesPerMetric. Numbers come in
// the unit in which they are written, which is the caller's matter.
//
// Errors are faults (package fault): Invalid with line and column where the input is not what was asked for, TooLarge where it passes a
// limit, and what fault.Of says of the io.Reader's own error where that failed. Who reads lines asks for Broken at their end. A []byte
// that is given out is mostly the window's own: it is good until the Scanner's next call and is not changed. Strings are the caller's.
//
// Only package adapter may call it. A Scanner and what is made of it are for one goroutine.
package read
