package runner

import "time"

// turns lets one of several runners on a machine have a job at a time, because neighbours disturb a measurement. Who has the turn holds a
// lock on a file, which the kernel takes back when the process dies.
type turns struct{ file string }

// turnPause is between two tries: the kernel would let us wait in line, but not give up when a job is canceled.
const turnPause = 20 * time.Millisecond
