//go:build !linux

// Command probe has something to try on Linux only.
package main

func main() {}
