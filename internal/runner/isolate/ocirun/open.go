//go:build linux

package ocirun

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tachograph/tacho/internal/core/fault"
)

// linksMax is how many links a path may lead through, as in the kernel.
const linksMax = 40

// Open implements isolate.Sandbox.
func (s *sandbox) Open(name string) (io.ReadCloser, int64, error) {
	root, err := os.OpenRoot(s.merged())
	if err != nil {
		return nil, 0, err
	}
	defer root.Close()
	at, err := resolve(root, name, false)
	var f *os.File
	if err == nil {
		f, err = root.OpenFile(at, os.O_RDONLY|unix.O_NONBLOCK, 0) // a fifo must not hang us
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil, 0, fault.Missingf("the command left no file %s", name)
	}
	if err != nil {
		return nil, 0, fault.Wrap(fault.Invalid, err, "file %s cannot be read: %v", name, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fault.Invalidf("%s is no regular file", name)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// resolve follows the links of a path as the command saw them: "/" and ".." end at the sandbox's own root, which os.Root alone would
// refuse. What is opened afterwards is opened through the root, so that no mistake here leads out. With missing a path may end in what is
// not there.
func resolve(root *os.Root, name string, missing bool) (string, error) {
	todo := strings.Split(name, "/")
	done, links := "", 0 // done holds no link
	for len(todo) > 0 {
		next := path.Join("/", done, todo[0])[1:]
		todo = todo[1:]
		if next == "" || next == done {
			done = next
			continue
		}
		info, err := root.Lstat(next)
		if err != nil && !(missing && errors.Is(err, fs.ErrNotExist)) {
			return "", err
		}
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			done = next
			continue
		}
		if links++; links > linksMax {
			return "", &fs.PathError{Op: "open", Path: name, Err: unix.ELOOP}
		}
		target, err := root.Readlink(next)
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(target, "/") {
			done = ""
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return path.Join(".", done), nil
}
