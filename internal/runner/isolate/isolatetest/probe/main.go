//go:build linux

// Command probe does one thing that a sandbox must allow, limit or refuse, and says what came of it. Where a limit does not hold it stops
// by itself before it hurts the host.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	word, rest := os.Args[1], append(os.Args[2:], "")
	switch word {
	case "exit":
		code, err := strconv.Atoi(rest[0])
		must(err)
		os.Exit(code)
	case "crash":
		crash()
	case "say":
		talk()
		os.Exit(7)
	case "wait":
		signal.Ignore(syscall.SIGTERM)
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
	case "family", "orphans":
		children(rest[0])
		fmt.Println("ready")
		if word == "family" {
			time.Sleep(time.Hour)
		}
	case "eat":
		eat(rest[0])
	case "fill":
		fill()
	case "fork":
		fork()
	case "owners":
		owners(os.Args[2:])
	default:
		look(word, rest[0])
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}

// say reports what came of something, by the kernel's word where it is the kernel's.
func say(what string, err error) {
	var no syscall.Errno
	switch {
	case err == nil:
		fmt.Println(what, "ok")
	case errors.As(err, &no):
		fmt.Println(what, no)
	default:
		fmt.Println(what, err)
	}
}

// talk writes 3 MiB to each stream, by turns.
func talk() {
	const all = 3 << 20
	streams := map[string]*os.File{"out": os.Stdout, "err": os.Stderr}
	for name, f := range streams {
		fmt.Fprintln(f, name, "begins")
	}
	piece := strings.Repeat(".", 4095) + "\n"
	for n := len("out begins\n"); ; {
		left := all - n - len("out ends\n")
		for _, f := range streams {
			f.WriteString(piece[max(0, len(piece)-left):])
		}
		if left <= len(piece) {
			break
		}
		n += len(piece)
	}
	for name, f := range streams {
		fmt.Fprintln(f, name, "ends")
	}
}

// children starts two that do not listen and have a session of their own; one holds the streams.
func children(id string) {
	for _, hold := range []bool{true, false} {
		cmd := exec.Command("/proc/self/exe", "wait", id)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if hold {
			cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		}
		must(cmd.Start())
	}
}

// eat takes so many MiB.
func eat(mebibytes string) {
	n, err := strconv.Atoi(mebibytes)
	must(err)
	var held [][]byte
	for range n / 8 {
		b := make([]byte, 8<<20)
		for i := range b {
			b[i] = 1
		}
		held = append(held, b)
	}
	fmt.Println("ate")
	_ = held
}

func fill() {
	f, err := os.Create("/work.bin")
	must(err)
	b := make([]byte, 1<<20)
	n := 0
	for ; n < 256; n++ {
		if _, err = f.Write(b); err != nil {
			break
		}
	}
	say("write", err)
	fmt.Println("below the limit:", n < 40)
}

func fork() {
	n := 0
	var err error
	for ; n < 1000; n++ {
		if err = exec.Command("/proc/self/exe", "wait").Start(); err != nil {
			break
		}
	}
	fmt.Println("stopped:", n < 100, "error:", err != nil)
}
