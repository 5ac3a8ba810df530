//go:build !linux

package testdb

func inMemory() string { return "" }
