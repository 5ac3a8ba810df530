//go:build linux

package ocirun

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/runner/hostinfo"
)

// A runtime looks up some paths of the image before it changes root: where it mounts, and what it mounts from there. A link on
// such a path is followed on the host: runc 1.1 makes and removes /dev/ptmx, /dev/fd and others wherever the image's /dev leads.
// So before a runtime starts, every one of these paths is made real through os.Root, which no link leads out of, and is checked
// again at the start.

// tree is a sandbox's files. Folders that we make in it belong to the sandbox's root.
type tree struct {
	*os.Root
	owner uint32
}

func (t tree) own(at string) error { return t.Lchown(at, int(t.owner), int(t.owner)) }

func (t tree) mkdir(at string) error {
	if err := t.Mkdir(at, 0o755); err != nil {
		return err
	}
	return t.own(at)
}

// mkdirAll makes a folder and those above it. No part of the path is a link.
func (t tree) mkdirAll(at string) error {
	if at == "." {
		return nil
	}
	for _, dir := range append(above(at), at) {
		if err := t.mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	info, err := t.Lstat(at)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "mkdir", Path: at, Err: unix.ENOTDIR}
	}
	return err
}

// layOut makes the places of the sandbox's mounts real, and the command's working directory.
func (s *sandbox) layOut(spec *specs.Spec) error {
	root, err := os.OpenRoot(s.merged())
	if err != nil {
		return err
	}
	defer root.Close()
	files := tree{root, s.driver.rootID}
	for _, m := range spec.Mounts {
		if err := layPlace(files, m); err != nil {
			return err
		}
	}
	s.mounts = spec.Mounts
	spec.Process.Cwd, err = workFolder(files, spec.Mounts, spec.Process.Cwd)
	return err
}

// stillLaidOut refuses to start over a place that is no longer what layOut made of it. The image cannot change it in between:
// whatever did is on this machine.
func (s *sandbox) stillLaidOut() error {
	root, err := os.OpenRoot(s.merged())
	if err != nil {
		return err
	}
	defer root.Close()
	for _, m := range s.mounts {
		at := inside(m.Destination)
		for _, dir := range above(at) {
			if info, err := root.Lstat(dir); err != nil || !info.IsDir() {
				return fmt.Errorf("sandbox %s: /%s was replaced after it was made", s.id, dir)
			}
		}
		if info, err := root.Lstat(at); err != nil || !fits(m, info) {
			return fmt.Errorf("sandbox %s: /%s was replaced after it was made", s.id, at)
		}
	}
	return nil
}

// layPlace makes the place of a mount. What the image has there, if it is not a folder, is removed from the sandbox: nobody would
// see it under the mount. Above it are folders of the image, which others may need as they are: a link among them is refused.
func layPlace(root tree, m specs.Mount) error {
	at := inside(m.Destination)
	for _, dir := range above(at) {
		info, err := root.Lstat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = root.mkdir(dir)
		case err == nil && !info.IsDir():
			return fault.Invalidf("image: /%s is %s, but the sandbox needs a folder there for /%s; make it a folder", dir, kind(info), at)
		}
		if err != nil {
			return fmt.Errorf("make folder /%s of the sandbox: %w", dir, err)
		}
	}
	info, err := root.Lstat(at)
	if err == nil && fits(m, info) {
		return nil
	}
	if err == nil {
		err = root.RemoveAll(at)
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = makePlace(root, m, at)
	}
	if err != nil {
		return fmt.Errorf("make place /%s of the sandbox: %w", at, err)
	}
	return nil
}

func makePlace(root tree, m specs.Mount, at string) error {
	if !ofFile(m) {
		return root.mkdir(at)
	}
	f, err := root.OpenFile(at, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), root.own(at))
}

// fits reports whether a mount can be made over what is there without following it.
func fits(m specs.Mount, info fs.FileInfo) bool {
	if ofFile(m) {
		return info.Mode().IsRegular()
	}
	return info.IsDir()
}

// ofFile reports whether a mount shows a single file.
func ofFile(m specs.Mount) bool {
	if m.Type != "bind" {
		return false
	}
	info, err := os.Stat(m.Source)
	return err == nil && !info.IsDir()
}

// workFolder returns where the command begins, without links, and makes it if it is missing. The runtime then has nothing to
// follow: a directory below /proc may lead to what the runtime itself has open (CVE-2024-21626).
func workFolder(root tree, mounts []specs.Mount, name string) (string, error) {
	at, err := resolve(root.Root, name, true)
	if err != nil {
		return "", workFault(name, err)
	}
	if m := covering(mounts, at); m != nil && m.Type != "bind" {
		if m.Type == "tmpfs" && inside(m.Destination) != "dev" {
			return "/" + at, nil // it is empty now; the runtime makes what is missing in it
		}
		return "", fault.Invalidf("image: the working directory %.100q leads into %s, where no command may begin; use another",
			name, m.Destination)
	}
	if err := root.mkdirAll(at); err != nil {
		return "", workFault(name, err)
	}
	return path.Join("/", at), nil
}

// workFault separates an image whose working directory is not a folder from a machine that cannot make one.
func workFault(name string, err error) error {
	if hostinfo.Exhausted(err) {
		return fmt.Errorf("make working directory %.100q: %w", name, err)
	}
	return fault.Wrap(fault.Invalid, err, "image: the working directory %.100q is not a folder and cannot be made one", name)
}

// covering returns the mount that a path is on, nil if it is on the image itself.
func covering(mounts []specs.Mount, at string) (on *specs.Mount) {
	for i := range mounts {
		if to := inside(mounts[i].Destination); at == to || strings.HasPrefix(at, to+"/") {
			on = &mounts[i] // later ones lie over earlier ones
		}
	}
	return on
}

// inside is a path of the sandbox as os.Root has it.
func inside(name string) string { return path.Join("/", name)[1:] }

// above lists the folders that a path goes through, the outermost first.
func above(at string) (dirs []string) {
	for i := range len(at) {
		if at[i] == '/' {
			dirs = append(dirs, at[:i])
		}
	}
	return dirs
}

func kind(info fs.FileInfo) string {
	if info.Mode()&fs.ModeSymlink != 0 {
		return "a link"
	}
	return "a file"
}
