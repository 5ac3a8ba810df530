//go:build linux

// Command probe does one thing that a sandbox must allow, limit or refuse, and says what came of it.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sort"
	"strings"
	"syscall"
	"time"
)

func main() {
	say := func(what string, err error) {
		if err == nil {
			fmt.Println(what, "ok")
			return
		}
		var no syscall.Errno
		if errors.As(err, &no) {
			fmt.Println(what, no)
			return
		}
		fmt.Println(what, err)
	}
	switch os.Args[1] {
	case "exit":
		fmt.Println("to stdout")
		fmt.Fprintln(os.Stderr, "to stderr")
		os.Exit(7)
	case "signal":
		cmd := exec.Command("/proc/self/exe", "wait")
		cmd.Env = []string{}
		_ = cmd.Start()
		_ = cmd.Process.Kill()
		err := cmd.Wait()
		fmt.Println(err)
	case "wait":
		time.Sleep(time.Hour)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		time.Sleep(time.Hour)
	case "polite":
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGTERM)
		fmt.Println("ready")
		<-c
		fmt.Println("bye")
		os.Exit(3)
	case "eat":
		var held [][]byte
		for {
			b := make([]byte, 8<<20)
			for i := range b {
				b[i] = 1
			}
			held = append(held, b)
			_ = held
		}
	case "fill":
		f, err := os.Create("/work.bin")
		if err != nil {
			say("create", err)
			return
		}
		b := make([]byte, 1<<20)
		n := 0
		for ; n < 256; n++ {
			if _, err = f.Write(b); err != nil {
				break
			}
		}
		say("write", err)
		fmt.Println("below the limit:", n < 40)
	case "fork":
		n := 0
		var err error
		for ; n < 1000; n++ {
			if err = exec.Command("/proc/self/exe", "wait").Start(); err != nil {
				break
			}
		}
		fmt.Println("stopped:", n < 100, "error:", err != nil)
	case "look":
		fmt.Println("uid", os.Getuid(), "gid", os.Getgid())
		wd, _ := os.Getwd()
		fmt.Println("cwd", wd)
		env := os.Environ()
		sort.Strings(env)
		fmt.Println("env", strings.Join(env, " "))
		fmt.Println("cpus", runtime.NumCPU())
		fmt.Println("pid", os.Getpid())
		ifs, _ := net.Interfaces()
		names := []string{}
		for _, i := range ifs {
			if i.Flags&net.FlagUp != 0 {
				names = append(names, i.Name)
			}
		}
		fmt.Println("interfaces up", names)
		_, err := net.DialTimeout("tcp", "192.0.2.1:80", time.Second)
		fmt.Println("network", err != nil)
		say("mount", syscall.Mount("none", "/mnt", "tmpfs", 0, ""))
		say("unshare", syscall.Unshare(syscall.CLONE_NEWUSER))
		say("ptrace", syscall.PtraceAttach(1))
		say("sysctl", os.WriteFile("/proc/sys/kernel/hostname", []byte("x"), 0o644))
		say("sys", os.WriteFile("/sys/kernel/mm/ksm/run", []byte("0"), 0o644))
		say("write", os.WriteFile("/tmp/file", []byte("kept"), 0o644))
		_, err = os.ReadFile("/proc/1/root/etc/shadow-of-host")
		fmt.Println("host file", err != nil)
	}
}
