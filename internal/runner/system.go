package runner

// MachineConfig says what of this computer jobs may use.
type MachineConfig struct {
	Runtime      string   // "runc" or "crun"; empty: the first that works
	Keeper       []string // words after this program's name that make it call Keep with the words that follow
	Version      string   // of this program, for the facts
	AllowNetwork bool     // asked for by the operator; refused with a warning until a job can have a network of its own
}
