// Command bench behaves as benchmarks do, well and badly. It is the image of the tests with a real container runtime.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	switch os.Args[1] {
	case "print":
		fmt.Println("BenchmarkIt 1 42 ns/op")
		fmt.Fprintln(os.Stderr, "on stderr")
	case "exit":
		fmt.Println("partial")
		os.Exit(3)
	case "env":
		fmt.Println(strings.Join(os.Environ(), "\n"))
	case "file":
		if _, err := os.Stat("/result.json"); err == nil {
			fmt.Println("the file of another iteration is here")
			os.Exit(1)
		}
		if err := os.WriteFile("/result.json", []byte(`{"it":{"latency":{"value":42}}}`), 0o644); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	case "owner":
		var info syscall.Stat_t
		err := syscall.Lstat(os.Args[2], &info)
		_, readErr := os.ReadFile(os.Args[2])
		fmt.Println(info.Uid, info.Gid, err, readErr)
	case "nothing":
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		time.Sleep(time.Hour)
	case "flood":
		line := strings.Repeat("x", 4095) + "\n"
		for {
			fmt.Print(line)
		}
	case "eat":
		var held [][]byte
		for range 512 / 4 { // MiB; where the limit does not hold, the host is not to suffer
			b := make([]byte, 4<<20)
			for i := range b {
				b[i] = 1
			}
			held = append(held, b)
			_ = held
		}
	}
}
