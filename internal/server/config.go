package server

import (
	"time"

	"github.com/tachograph/tacho/internal/server/store"
	"github.com/tachograph/tacho/internal/server/throttle"
)

// Config are the server's settings. The tags are read by package config: flag, environment variable, key in the file, default, meaning.
type Config struct {
	Listen      string        `config:"listen" default:"127.0.0.1:6610" doc:"address to listen on; port 0 takes a free one"`
	Data        string        `config:"data" default:"" doc:"folder of database and objects; default: tacho in the user's data folder"`
	Database    string        `config:"database" default:"" secret:"password" doc:"address of a PostgreSQL database, as in postgres://tacho@db.example.org/tacho, for several servers that share it and the data folder; its password is better in ~/.pgpass, PGPASSWORD or the variable than on the command line; default: a file in the data folder"`
	URL         string        `config:"url" default:"" doc:"address under which people and runners reach this server; default: http:// and the listen address"`
	LogLevel    string        `config:"log.level" default:"info" doc:"debug, info, warn or error"`
	LogFormat   string        `config:"log.format" default:"text" doc:"text or json"`
	RuntimeFile string        `config:"runtime-file" default:"" doc:"file that gets the real address and the process id as JSON once the server answers, for scripts"`
	Grace       time.Duration `config:"shutdown-grace" default:"20s" doc:"how long running requests may go on after a signal"`
	Visibility  string        `config:"projects.visibility" default:"public" doc:"who may read a project that is made without saying: public is everybody who reaches the server, private its members"`
	CompatSweep string        `config:"compat-sweep" default:"" doc:"project for runners of the earlier sweeps' protocol; default: none"`
	Registries  []string      `config:"registries" default:"*" doc:"hosts from which images may come besides our own registry; * is every public one, empty is none"`

	RetentionDeleted      time.Duration `config:"retention.deleted" default:"168h" doc:"how long a deleted project can still be found in the database, before it is purged with its blobs"`
	RetentionOutputs      time.Duration `config:"retention.outputs" default:"0s" doc:"how long raw outputs of jobs and reports are kept; results stay; 0: for ever"`
	RetentionLogs         time.Duration `config:"retention.logs" default:"720h" doc:"how long live output of ended jobs is kept; 0: for ever"`
	RetentionEnvironments time.Duration `config:"retention.environments" default:"0s" doc:"how long the environment of a job that failed or was canceled is kept, for a retry; 0: it is dropped when the job ends"`
	TrustedProxies        []string      `config:"trusted-proxies" default:"" doc:"addresses and networks (10.0.0.0/8) of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed; default: nobody's"`

	UnclaimedConcurrency int           `config:"unclaimed.concurrency" default:"1" doc:"jobs at a time from one address, plan unclaimed; 0: no limit"`
	UnclaimedTimeout     time.Duration `config:"unclaimed.timeout" default:"1m" doc:"longest iteration, plan unclaimed"`
	FreeConcurrency      int           `config:"free.concurrency" default:"1" doc:"jobs at a time of one organization, plan free; 0: no limit"`
	FreeTimeout          time.Duration `config:"free.timeout" default:"5m" doc:"longest iteration, plan free"`
	TeamConcurrency      int           `config:"team.concurrency" default:"0" doc:"jobs at a time of one organization, plan team; 0: no limit"`
	TeamTimeout          time.Duration `config:"team.timeout" default:"1h" doc:"longest iteration, plan team"`
	EnterpriseTimeout    time.Duration `config:"enterprise.timeout" default:"24h" doc:"longest iteration, plan enterprise"`

	// Public says that URL was set by the operator. Otherwise URL is the listener's, and what is told to clients follows from how they
	// reached us: a server that listens on all addresses does not know its own.
	Public bool
	// Local says that a command has the folder for a moment, and no server for its life.
	Local bool
	// Version and Commit are the build's; they are not settings.
	Version, Commit string
	// Throttle are the limits of callers; nil: throttle.Defaults.
	Throttle *throttle.Config
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Rehearse is for tests, as in store.Config.
	Rehearse store.Rehearsal
}
