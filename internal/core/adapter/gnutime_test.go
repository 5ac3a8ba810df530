package adapter

import (
	"testing"
)

func TestGNUTime(t *testing.T) {
	t.Parallel()
	const plain = "0.50user 0.25system 0:01.00elapsed 75%CPU (0avgtext+0avgdata 1maxresident)k\n"
	times := func(wall, user, system string) string {
		return "\tLatency: " + wall + " nanoseconds (ns), lower\n\tUser Time: " + user + " nanoseconds (ns), lower\n\tSystem Time: " + system + " nanoseconds (ns), lower\n"
	}
	const plainWant = "\tUser Time: 5e+08 nanoseconds (ns), lower\n\tSystem Time: 2.5e+08 nanoseconds (ns), lower\n\tLatency: 1e+09 nanoseconds (ns), lower\n\tPeak Memory: 1024 bytes (B), lower\n"
	eachOutput(t, "gnu_time", []output{
		{"an hour has three parts", "a\t1:02:03elapsed\n0.5user 1:02:03elapsed 1maxresident)k\n", "\ntime\n\tUser Time: 5e+08 nanoseconds (ns), lower\n\tLatency: 3.723e+12 nanoseconds (ns), lower\n\tPeak Memory: 1024 bytes (B), lower\n"},
		{"the second line has faults and blocks", plain + "94456inputs+32outputs (16major+8699minor)pagefaults 0swaps\n",
			"\ntime\n" + plainWant + "\tFile System Inputs: 94456 blocks, lower\n\tFile System Outputs: 32 blocks, lower\n\tMajor Faults: 16 faults, lower\n\tMinor Faults: 8699 faults, lower\n"},
		{"a command that failed is told in the short form too", "Command exited with non-zero status 1\n" + plain, "\ntime\n" + plainWant + "\nproblem: line 1: time: Command exited with non-zero status 1\n"},
		{"a signal is no exit status", "Command terminated by signal 9\n\tCommand being timed: \"x\"\n\tUser time (seconds): 0.50\n\tExit status: 0\n", "\nx\n\tUser Time: 5e+08 nanoseconds (ns), lower\n\nproblem: line 1: x: Command terminated by signal 9\n"},
		{"an exit status is told once", "Command exited with non-zero status 2\n\tCommand being timed: \"x\"\n\tUser time (seconds): 0.50\n\tExit status: 2\n" + plain, "\nx\n\tUser Time: 5e+08 nanoseconds (ns), lower\n\ntime\n" + plainWant + "\nproblem: line 4: x: it ended with exit status 2\n"},
		{"what follows a command is not its own", "\tCommand being timed: \"x\"\n\tUser time (seconds): 0.50\n\tExit status: 0\nreal\t0m1.000s\nuser\t0m0.500s\nsys\t0m0.250s\n", "\nx\n\tUser Time: 5e+08 nanoseconds (ns), lower\n\ntime\n" + times("1e+09", "5e+08", "2.5e+08")},
		{"spaces may stand for tabs, and busybox for GNU", "    Command being timed: \"x\"\n    Elapsed (wall clock) time (h:mm:ss or m:ss): 1m 2.50s\n    File system inputs: 8\n    Exit status: 0\n", "\nx\n\tLatency: 6.25e+10 nanoseconds (ns), lower\n\tFile System Inputs: 8 blocks, lower\n"},
		{"others speak of users and systems", "user 1000\nreal 1.00\nuser 0.50\nsys 0.25\nuser 1000\nsys 3\n", "\ntime\n" + times("1e+09", "5e+08", "2.5e+08")},
		{"busybox and fish", "real\t1m 2.50s\nuser\t0m 0.50s\nsys\t0m 0.25s\n=== f ===\nExecuted in    1.50 secs      fish           external\n   usr time    1.25 millis    0.25 millis    1.00 millis\n   sys time    2.25 micros    0.25 micros    2.00 millis\n",
			"\ntime\n" + times("6.25e+10", "5e+08", "2.5e+08") + "\nf\n" + times("1.5e+09", "1.25e+06", "2250")},
		{"zsh prints the command", "make -j4 | grep \"a user  b\"  65.25s user 10.50s system 97% cpu 1:02.250 total\n( a; )  0.50s user 0,25s system 0% cpu 1,250 total\n 5 total\n",
			"\nmake -j4 | grep \"a user  b\"\n" + times("6.225e+10", "6.525e+10", "1.05e+10") + "\n( a; )\n" + times("1.25e+09", "5e+08", "2.5e+08")},
		{"zsh's words may stand further apart", "1s  user 1s system 1% cpu 1.5 total\n", "\ntime\n" + times("1.5e+09", "1e+09", "1e+09")},
		{"BSD and mksh have one line", "        1.50 real         0.50 user         0.25 sys\n=== b ===\n    1m1.50s real     0m0.50s user     0m0.25s system\n", "\ntime\n" + times("1.5e+09", "5e+08", "2.5e+08") + "\nb\n" + times("6.15e+10", "5e+08", "2.5e+08")},
	})
}
