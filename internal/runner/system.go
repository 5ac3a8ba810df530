package runner

// MachineConfig says what of this computer jobs may use.
type MachineConfig struct {
	Runtime      string // isolation runtime: "", "runc", "crun" or "runsc"; empty: the best that works here
	AllowNetwork bool   // jobs whose spec has a network are taken
}
