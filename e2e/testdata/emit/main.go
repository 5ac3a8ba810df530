// Command emit is the smallest benchmark: it works for the given time and prints one result in the Bencher Metric Format. With other
// words it misbehaves in the ways that the stories need.
package main

import (
	"bufio"
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
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: emit <milliseconds> [value] | flood | fork | eat | stubborn | silent | partial | count")
		os.Exit(2)
	}
	switch word := os.Args[1]; word {
	case "flood": // prints without end
		out := bufio.NewWriterSize(os.Stdout, 1<<20)
		line := make([]byte, 1<<20)
		for i := range line {
			line[i] = 'x'
		}
		for {
			if _, err := out.Write(line); err != nil {
				os.Exit(1)
			}
		}
	case "fork": // forks without end
		for {
			if err := exec.Command("/proc/self/exe", "fork").Start(); err != nil {
				time.Sleep(10 * time.Millisecond)
			}
		}
	case "eat": // eats memory
		var held [][]byte
		for {
			block := make([]byte, 16<<20)
			for i := range block {
				block[i] = 1
			}
			held = append(held, block)
			_ = held
		}
	case "stubborn": // ignores SIGTERM
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
		fmt.Println("I stay")
		for {
			time.Sleep(time.Hour)
		}
	case "silent": // succeeds and says nothing
	case "partial": // one result, then failure
		fmt.Println(`{"partial":{"latency":{"value":1}}}`)
		os.Exit(1)
	case "count": // takes the steps that its image has in /steps, and prints how many it took
		text, err := os.ReadFile("/steps")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		steps, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		took := 0
		for range steps {
			took++
		}
		fmt.Printf(`{"emit":{"instructions":{"value":%d}}}`+"\n", took)
	default:
		ms, err := strconv.Atoi(word)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		value := "100"
		if len(os.Args) > 2 {
			value = os.Args[2]
		}
		time.Sleep(time.Duration(ms) * time.Millisecond)
		fmt.Printf(`{"emit":{"latency":{"value":%s}}}`+"\n", value)
	}
}
