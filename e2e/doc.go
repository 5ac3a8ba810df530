// Package e2e tells stories over the real binary: real processes, a real container, kill -9, foreign registry clients, a real browser.
//
// The stories build bin/tacho once, start it on free loopback ports with a fresh data folder, and look at it from outside: through its
// HTTP interface and its exit codes. What a machine lacks (root and runc, skopeo, podman, Chromium) is skipped with one line.
package e2e
