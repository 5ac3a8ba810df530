//go:build !linux

// Package ocirun isolates by an OCI runtime. It works on Linux only.
package ocirun
