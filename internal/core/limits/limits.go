// Package limits holds every limit and default of Tachograph in one place, each with its unit and its reason.
//
// A limit that a person may change is the default of a configuration key and is named there; the others are protocol constants.
// Nothing here is read from the environment: the configuration layer does that.
package limits

import "time"

// Sizes, in bytes.
const (
	KiB = 1 << 10
	MiB = 1 << 20
	GiB = 1 << 30
)

// HTTP bodies.
const (
	JSONBodyBytes   = 1 * MiB   // ordinary API requests
	ReportBodyBytes = 64 * MiB  // POST /v0/run and reports: 100,000 metrics of BMF are about 12 MiB
	UploadBodyBytes = 512 * MiB // one job output file or log, streamed to disk
	ErrorBodyBytes  = 64 * KiB  // what a client reads of an error answer

	BodyReadTimeout = 2 * time.Minute // for one body, from its admission to its last byte: ReportBodyBytes at 0.5 MiB/s

	AnonymousBodyBytes = 64 * KiB // from those who show no key: they may not write, and a body is read before the refusal
)

// What the server holds in memory at once, by gate of package admit; weights are those that bench/abuse measured. All gates together stay
// below MemorySoftLimit, and that below the 1 GiB that a server needs at most under abuse.
const (
	SmallBytesInFlight = 32 * MiB  // small bodies as they were sent, from the first byte until the answer is written
	DecodeBytes        = 64 * MiB  // what decoding them holds
	BodyBytesInFlight  = 128 * MiB // large bodies: two of ReportBodyBytes are read at once
	WorkBytes          = 256 * MiB // parsing, judging, storing and answering large reports: one of MetricsPerReport
	ReadBytes          = 96 * MiB  // answers that hold many metrics
	PageBytesInFlight  = 96 * MiB  // pages that are drawn
	MemorySoftLimit    = 768 * MiB // of the collector, which works harder near it: a help, not the bound

	LargeBodyBytes = 256 * KiB // bodies of reports over this take the gate for large ones
	DecodeCost     = 16        // bytes that decoding holds for each byte of a small body: [1,1,… as values for validation
	PageCost       = 24 * MiB  // of one page, garbage included: 2,000 results of a report are 21 MB, a plot with 255 lines chosen 19 MB

	// Reading results: what each byte and each metric may hold, from parsing to the answer.
	CheapResultBytes = 32 * KiB // below, a report costs less than its request
	ResultByteCost   = 3        // raw samples as numbers, and what the adapter keeps
	MetricBytesLeast = 16       // of raw output for one metric; no tool needs fewer
	// of heap while it is judged and written; one report of 400,000 brought a whole process to 321 MB with its garbage
	MetricCost = 480

	// Answers that hold many metrics are written a chunk at a time.
	CheapReadMetrics = 100       // up to so many cost less than their request
	ReadChunk        = 1_000     // metrics that are loaded with all that they name, and encoded
	AnswerMetricCost = 4 * KiB   // one metric of a chunk with its series, names, JSON and garbage
	PointCost        = 512       // of a line's point while the line is put in order, with its report
	PlaceCost        = 96        // of a report, while a picture is made of the lines over it
	AnswerBytes      = 256 * KiB // of an answer in memory; what is over that is put into a file first, so that a slow reader holds nothing

	SmallQueue    = 1_024
	SmallPatience = 10 * time.Second
	BodyQueue     = 64
	BodyPatience  = 90 * time.Second // no byte was read yet: the sender may as well come again
	WorkQueue     = 256
	WorkPatience  = 4 * time.Minute // the body is here, so it should not have to be sent again; below ClientAnswerTimeout
	ReadQueue     = 64
	ReadPatience  = 15 * time.Second
	PageQueue     = 64
	PagePatience  = 20 * time.Second // a person waits for it
	BusyRetry     = 2 * time.Second
	BodyRetry     = 10 * time.Second // a large report takes some seconds
)

// What one caller may take from the others (package throttle). Rates are per second; far above what a team's CI, a runner or a push of an
// image with many layers needs, and far below what keeps the others waiting.
const (
	AddressRequestRate  = 100 // requests from one address (version 6: /64) without a key that is known to be right
	AddressRequestBurst = 6_000
	KeyRequestRate      = 100 // with one key
	KeyRequestBurst     = 6_000
	RunnerRequestRate   = 100 // of one runner: the outputs of IterationsPerJob go up at once
	RunnerRequestBurst  = 12_000
	ProjectRequestRate  = 50 // that change one project: a full writer does a few hundred small ones
	ProjectRequestBurst = 3_000
	TokenRequestRate    = 20 // tokens of the registry for one address; a push asks for three
	TokenRequestBurst   = 1_000
	WrongKeyRate        = 1 // wrong keys from one address
	WrongKeyBurst       = 1_000
	WrongHintRate       = 0.2 // the same that begin alike: one mistyped key in a loop
	WrongHintBurst      = 50
	ThrottleEntries     = 16_384 // callers that are remembered of each kind, some 200 bytes each

	StreamsOfAddress = 64 // event streams without a key: pages of running jobs
	AnonymousStreams = 1_024

	ConnectionsMax     = 8_192            // open at once, if there are descriptors for them
	HeaderReadTimeout  = 20 * time.Second // for the head of a request
	IdleTimeout        = 2 * time.Minute  // of a connection between two requests
	BodyStall          = 2 * time.Minute  // for the next bytes of a body; the same as RegistryStall
	BodyGrace          = time.Minute      // for a whole body, plus what it has at
	BodyBytesPerSecond = 1 * KiB
	AnswerStall        = 2 * time.Minute // for a caller to take the next 64 KiB of an answer
	ErrorLogRate       = 0.2             // lines of the HTTP server's own about callers
	ErrorLogBurst      = 20
)

// Compressing answers.
const (
	CompressLeast  = 1 * KiB   // of an answer: below, what is saved fits into the same packet
	Compressors    = 32        // at work at once, about 1 MiB each; who finds none left is answered uncompressed
	CompressWindow = 256 * KiB // how far back zstd looks, which is what most of its memory is for
)

// One report.
const (
	ResultsPerReport       = 1_000   // iterations × files in one request
	BenchmarksPerIteration = 100_000 // a million in one report is a mistake, and would hold the writer for minutes
	MetricsPerReport       = 400_000
	SamplesPerMetric       = 100_000
	MetricsPerSlice        = 2_000   // of one transaction: about 50 ms of the writer, which others wait for
	SamplesPerSlice        = 500_000 // 4 MB of one transaction
	MeasuresPerReport      = 4_096   // they are made in one transaction; real reports have ten
	BenchmarkNameBytes     = 1_024
	ResourceNameBytes      = 64  // projects, testbeds, measures, units, titles
	BranchNameBytes        = 256 // git itself allows more, file systems do not
	SlugBytes              = 64
	AdapterLineBytes       = 1 * MiB // longest line that a text adapter looks at
	MappingBytes           = 4 * KiB // of a mapping for tables and JSON
	JSONDepth              = 64      // nesting of a results document
)

// Lists.
const (
	PageDefault       = 8   // Bencher's default, kept so that its clients see the same pages
	PageMax           = 255 // Bencher's maximum
	PerfSeriesMax     = 255 // permutations of one perf query; more is an error, never a silent cut
	PerfPointsMax     = 1_000_000
	PlotsPerProject   = 65                         // places 0 to 64, as Bencher has them
	PlotWindow        = 100 * 365 * 24 * time.Hour // how far back a plot goes
	PlotWindowDefault = 365 * 24 * time.Hour
	SparkLines        = 512     // small pictures that are read at once
	SparkReports      = 64      // newest reports that each shows
	LineChanges       = 200     // newest changes that a plot marks, of a branch and a testbed
	EventListChanges  = 3       // of each event in a list
	EventChanges      = 1_000   // of one event alone; it says how many there are
	EventSuspects     = 1_000   // versions that one may have come with
	EventCommits      = 50      // that were not measured, between two versions that an event may have come with
	EventSteps        = 1_000   // of its life, the newest
	EventReasonBytes  = 1_024   // why somebody did something about an event, or marked a report
	EventChecks       = 20      // reruns of one event that are shown, the newest
	CheckLines        = 100     // lines of one that are judged, the largest
	CheckPairs        = 10      // jobs of each side, where nobody says how many
	CheckPairsLeast   = 6       // what package paired needs to judge
	EventsAtOnce      = 1_000   // that one request changes or looks through
	AlertsOfAFold     = 10_000  // of thresholds, that become parts of events in one transaction
	NewsOfALook       = 20_000  // reports that one look takes; the next takes the rest
	LooksAtOnce       = 64      // heads and testbeds that a local command looks at before it shows events; the next goes on
	LogTailBytes      = 1 * MiB // how much of a job's log a page shows
	EventBufferRows   = 256     // server-sent events held for a slow reader before it must re-read
)

// Policies.
const (
	PolicyBytes    = 32 * KiB // the YAML library takes longer than in proportion for hostile texts
	PolicyRules    = 500      // of one policy
	PolicyPatterns = 100      // of one dimension of a rule
	PolicyNames    = 16       // of who is told, in one policy: a notice carries them

	PolicyCheckValues = 5_000_000 // that trying one policy reads
	PolicyCheckLines  = 200_000   // that it names
)

// Sweeps and suites.
const (
	SweepBytes    = 64 * KiB // of a configuration: 1,000 types with alias and hosts are 50 KiB
	SweepTargets  = 50
	SweepTypes    = 1_000 // of all targets together
	SweepRegions  = 50    // of one target, and zones
	SweepHosts    = 1_000 // machines of one type; 10,000 is a mistake
	SweepMachines = 5_000 // of one sweep, in its plan and on the server
	SweepRepeats  = 100
	SweepTasks    = 20_000 // of one sweep, in its plan and on the server: they are made in one transaction
	SweepCPUs     = 4_096  // of one machine
	SweepProblems = 20     // that a refused plan lists

	ArchiveFilesPerTask = 20        // output, description, errors and the files that a workload names
	ArchiveFiles        = 50_000    // of an archive whose tasks are not known
	ArchiveFileBytes    = 256 * MiB // the same as JobOutputTotal
	ArchiveBytes        = 16 * GiB
	ArchivePathBytes    = 1_024
	ArchiveDepth        = 16

	SheetBytes      = 4 * MiB  // of a price sheet: 100,000 rows
	SuiteBytes      = 32 * KiB // the same as PolicyBytes, and for its reason
	SuiteWorkloads  = 32
	SuiteParams     = 50
	SuiteTextBytes  = 256 // of a parameter's value and of what an assertion looks for
	SuiteAssertions = 20
	SuiteBenchmarks = 1_000  // that one expects
	SuiteValues     = 10_000 // of one field of an assertion
)

// Comparisons on the server.
const (
	CompareBack      = 10_000    // versions before the newest that a side may be
	ComparedReports  = 64        // newest reports of one side that count
	CompareHistory   = 120       // newest reports of a history in which the last change is looked for; the newest 30 since then count
	CompareRows      = 5_000     // benchmarks × measures: about a second of looking for changes
	CompareValues    = 1_000_000 // of both sides together; more is an error
	CompareValueCost = 64        // bytes of one in memory
	// of both sides together, where one report is compared with another; a row has 8 of each iteration at least
	CompareSamples  = 500_000
	CompareShown    = 64  // values of each side of a row in an answer
	CompareNames    = 200 // in each list of what one side lacks; all are counted
	CompareMeasures = 64  // names in one request
	CommitsShown    = 5   // of those that a commit's beginning may mean
)

// One job.
const (
	EntrypointWords   = 64
	CmdWords          = 64
	EnvEntries        = 255
	FilePaths         = 255
	ArgBytes          = 32 * KiB // one word of a command line or one environment entry
	IterationsPerJob  = 1_000
	JobsPerReport     = 100
	JobTimeoutMax     = 24 * time.Hour
	JobTimeoutDefault = time.Hour
	JobOutputBytes    = 25 * MiB // stdout, stderr and each file, each: past it the stream is cut and the job fails with reason "limit"
	JobOutputTotal    = 256 * MiB
	LogChunkBytes     = 64 * KiB // one log message on the channel
)

// Sweeps on a server.
const (
	SweepPools     = 1_000     // of one
	SweepValues    = 500_000   // that the report of one is made of: 60 types × 3 machines × 4 processes × 60 benchmarks are 43,200
	SweepConfig    = 256 * KiB // of a configuration as JSON
	SweepBodyBytes = 2 * MiB   // of a request for one: 1,000 pools of 1 KiB, and the configuration
	SweepTTLLeast  = time.Minute
	SweepTTLMost   = 7 * 24 * time.Hour
	SweepDisk      = 10 * GiB         // of a task, where the pool does not say
	SweepMemory    = GiB              // of a task for each CPU, where the pool does not say
	SweepTidy      = 10 * time.Second // how often it is looked for what a server that died left undone
	SweepForgotten = time.Hour        // after its end a sweep that nobody looks after counts as ended, clean or not
	SweepDeaf      = 30 * time.Second // a process that has not looked for so long has not heard machines either: three looks
	SweepNote      = 1_000            // bytes of what a controller says of a sweep, a pool, a slot or a machine
	MachineEvents  = 1_000            // of one machine that are shown

	MachineBeat     = 20 * time.Second // how often a machine says how far it is, on average: a sixth of what its controller is patient for
	MachineBeatTime = 10 * time.Second // that the answer may take
	EnrollPauseMost = 30 * time.Second // between two tries to enrol while the server is away

	GuestBytes = 128             // of a guest's name for itself
	GuestLease = 2 * time.Minute // guests beat every 30 s; after so long without one the task and the place may be another's
	GuestRetry = 30 * time.Second
	GuestTTL   = 24 * time.Hour // of a sweep of guests: nobody is billed for their machines here
	GuestRuns  = 50             // open sweeps of guests that a claim without a run looks at, the oldest first
	GuestLate  = 100            // archives that came too late which an answer names
	// an archive that a guest uploads, packed; and unpacked, for it becomes outputs of a job
	BundleBytes    = 128 * MiB
	BundleFiles    = 1_000
	SigningKeyLife = 7 * 24 * time.Hour // after it another key signs; the old one is good for what it has signed
	SignedMost     = 48 * time.Hour     // the longest life of a signed address: a task's longest time, and its upload
	ObjectKeyBytes = 512
)

// The database.
const (
	TransactionTries = 8                    // of one that others were in the way of, or whose connection broke; then it is an error
	TransactionPause = 2 * time.Millisecond // before the second try; it doubles with each
	ListenPause      = time.Second          // before the connection for notifications is made anew
)

// The runner protocol.
const (
	HeartbeatInterval   = 5 * time.Second  // a lost runner is noticed after LeaseTimeout, so three beats may be lost
	LeaseTimeout        = 30 * time.Second // renewed by heartbeats; after it the job may be taken by another runner
	LeaseFlushInterval  = 5 * time.Second  // heartbeats live in memory and are written in one batch
	SweepInterval       = 2 * time.Second
	TimeoutGrace        = 60 * time.Second // server's allowance over the job's own timeout, for stop and upload
	PollDefault         = 30 * time.Second
	PollMax             = 900 * time.Second
	RunnerPoll          = 55 * time.Second // below the 60 s idle cut of common proxies
	ChannelMessageBytes = 1 * MiB          // control and log chunks only; results go up by HTTP
	InfraRetries        = 2                // a job that is lost, or whose image cannot be fetched, is queued again this often
	PullTokenLife       = 10 * time.Minute // refreshable while the lease lives
)

// Images and their unpacking, on the runner.
const (
	ManifestBytes       = 4 * MiB
	ImageLayers         = 256
	ImageIndexDepth     = 4        // indexes in indexes; real ones have one or two
	ImageUnpackedBytes  = 32 * GiB // further bounded by the job's disk
	ImageEntryBytes     = 4 * KiB  // that a file, folder or link takes at least, as file systems have it: a block
	ImageEntries        = 1_000_000
	ImagePathDepth      = 128
	ImagePathBytes      = 4_096
	ImageExpansionRatio = 1_000 // compressed : unpacked; real layers stay below 100
)

// Other people's registries, which strangers name.
const (
	ImageConfigBytes     = 1 * MiB          // an image's configuration; real ones stay below 50 KiB
	ForeignLookupTimeout = 20 * time.Second // one look-up of an image: its token, its manifest, its configuration
	ForeignLookups       = 8                // look-ups at once: together they hold at most 40 MiB
	ForeignPlatforms     = 2_000            // entries of an index; the same as RegistryManifestReferences
	ForeignTokenBytes    = 64 * KiB         // the answer of a token server
	ForeignHeaderBytes   = 64 * KiB         // headers of one answer
	ForeignDialTimeout   = 10 * time.Second // of one address
	ForeignRedirects     = 5                // of one request; registries redirect once
)

// The registry.
const (
	RegistryBlobBytes = 10 * GiB
	RegistryTokenLife = 5 * time.Minute
	RegistryTagsMax   = 10_000
)

// The registry, inside.
const (
	RegistryRepositoryBytes    = 255             // a repository's whole name, as most registries and clients have it
	RegistryManifestReferences = 2_000           // blobs or children of one manifest; real images stay below 130
	RegistryReferrersPage      = 200             // descriptors in one answer; more are paged, so that it stays below ManifestBytes
	RegistryAnnotationsBytes   = 16 * KiB        // annotations of one manifest with a subject: each list of referrers repeats them
	RegistryScopes             = 16              // scopes of one token; a push with cross mounts asks for two or three
	RegistryTokenBodyBytes     = 64 * KiB        // POST to the token end point
	RegistryStall              = 2 * time.Minute // a transfer that moves no byte for so long is cut
	RegistryUploadsPerProject  = 200             // open upload sessions; a push of a large image has a few at a time
	// the collector never deletes what is younger, and ends uploads that nobody touched for so long
	RegistryKeepNew      = time.Hour
	RegistryCollectBatch = 1_000 // rows in one transaction of the collector
)

// Reports and their judgement.
const (
	HistorySamples      = 4_096  // newest values that a model may ask for
	HistoryDefault      = 256    // that one without max_sample_size sees
	StartPointVersions  = 255    // versions that a head copies when the start point does not say; Bencher's default
	StartPointMax       = 65_535 // Bencher's maximum
	StartPointCommits   = 255    // commits that a detected start point names: as far back as a head copies by default
	ReportCommits       = 50     // commits that one report tells of
	CommitAuthorBytes   = 128    // of a commit; what is longer is cut
	CommitSubjectBytes  = 256
	ModelsPerReport     = 255 // thresholds that one report may set
	ContextEntries      = 128 // a report's context
	ContextKeyBytes     = 256
	ContextValueBytes   = 4 * KiB
	HostFactsBytes      = 16 * KiB // a report's host facts as JSON
	PerfDimensionValues = 1_024    // names in one list of a perf query, before they are multiplied
)

// The runner daemon.
const (
	RedialMin        = 500 * time.Millisecond // first pause after a lost connection, doubled up to
	RedialMax        = 30 * time.Second       // one lease: a server that is back finds its fleet within it
	PrepareTimeout   = 30 * time.Minute       // pull and unpack of one job; the job's own timeout counts the command alone
	KillGrace        = 2 * time.Second        // between SIGTERM and SIGKILL of a benchmark that ran out of time
	HangMargin       = 10 * time.Second       // past its timeout and KillGrace a benchmark is killed even if its runner hangs
	CollectTimeout   = 2 * time.Minute        // reading the result files of one iteration
	LogFlushInterval = 250 * time.Millisecond // live output is sent at most so often, or when LogChunkBytes are there
	UploadRetryMax   = 30 * time.Second       // longest pause between two tries of an upload
	UploadTimeout    = 10 * time.Minute       // one try: UploadBodyBytes at 1 MiB/s
	// processes and threads of one sandbox: a fork bomb ends there, a Go program with many threads does not
	SandboxProcesses = 4_096
	// users and groups of one sandbox, from 0: as many as images use, and as container engines give by default
	SandboxIDs = 65_536
	// for the command that a runner tries its sandboxes with at its start; it takes a fraction of a second
	ProofTimeout       = time.Minute
	ProofMemory        = 256 * MiB // of that sandbox: a gVisor kernel counts, too
	ProofDisk          = 16 * MiB
	TokenRefreshMargin = 60 * time.Second // a pull token with less life than this is renewed before it is used
)

// The client.
const (
	ClientTries         = 5                      // of one request; with the pauses below about 8 s, enough for a server that is restarted
	ClientRetryMin      = 500 * time.Millisecond // pause after the first failure, doubled up to
	ClientRetryMax      = 30 * time.Second
	ClientRetryAfterMax = 5 * time.Minute // a server that asks for a longer pause has refused
	ClientDialTimeout   = 15 * time.Second
	ClientAnswerTimeout = 5 * time.Minute  // until the answer begins: a report of 100,000 metrics is judged before
	ClientAnswerBytes   = 1 * GiB          // one JSON answer: a perf query of PerfPointsMax points has about 400 MiB
	EventBytes          = 64 * MiB         // one server-sent event: an ended job with the tails of all its outputs
	EventKeepAlive      = 15 * time.Second // a silent stream carries a comment so often, so that proxies and clients know it lives
	FollowSilence       = 60 * time.Second // without a byte for so long a stream is dead: four keep-alives
	FollowTries         = 30               // failures in a row before following is given up: about 13 minutes of a server that is away
)

// Reading the output of benchmark tools.
const (
	ProblemsPerIteration = 200 // rows that say what could not be read; a person reads the first ten
	ProblemBytes         = 300 // text of one such row: a line of a log and a bit
)

// The command line.
const (
	InterruptGrace = 5 * time.Second // between Ctrl-C and SIGKILL of a local benchmark
	OutputDrain    = 5 * time.Second // how long something that a command left behind may hold its output
	TableRows      = 500             // of a report on the screen; more are counted, and --format json has them all
	ShownProblems  = 10              // of a report; a person reads the first few
	ShownAlerts    = 100             // the same
	CompareReports = 16              // newest reports of a branch among which the previous one is looked for
	SamplesShown   = 256             // of each metric in the answer with a report's samples; a verdict gains nothing from more
	SampleCost     = 24              // bytes of one of them, as a number and as text
	CompareFiles   = 256             // of one side of a comparison of files
	ABPairs        = 40              // pairs of a comparison in turns, unless --max-pairs says more or fewer
	ABPairsMin     = 6               // the first look: fewer pairs have too wild a variance to end by
	ABPairsMax     = 10_000          // a day of runs of ten seconds
	ABFailureLines = 10              // of stderr in the message about a failed run
	CalibrateRuns  = 30              // of 'tacho calibrate', unless --runs says more or fewer: two modes are seen from 30 values on
	CalibrateMost  = 256             // of them, as a report has iterations
	CalibrateSaid  = 5               // every which run is said where no line can be written over
	CalibrateUnits = 100             // a side that a grade may be for
	ABBuildLines   = 60              // of what a failed --build has printed
	ABBuildBytes   = 16 * MiB        // of its output that are kept for that
	ABOrderShown   = 8               // blocks of the order that people see; JSON has all
	CompareBytes   = 512 * MiB       // the same of all of them together
	CompareBase    = 255             // the same of the branch that a new one came from, which may have gone on since
)

// The queue.
const (
	RunnerMetaBytes   = 64 * KiB         // what a runner says of itself, as JSON; HostFactsBytes and a list of specs' levels fit well
	JobTextBytes      = 8 * LogTailBytes // all output texts in one answer about a job; the rest is among its stored outputs
	LiveLogBytes      = 2 * LogTailBytes // live output that is kept of one claim; the whole comes with the results
	StartGrace        = LeaseTimeout + RedialMax
	ReadTries         = 8 // of a completed job's results, when reading fails for a reason of ours; with the pauses below about 5 minutes
	ReadRetryMax      = time.Minute
	BlockedJobRecheck = 30 * time.Second // a look at jobs whose wake-up was lost, which no known way leads to
	// before the second try of a job that its runner could not pull or run: a registry or disk may be back
	RetryPauseFirst = 10 * time.Second
	RetryPauseNext  = time.Minute // before the third
	RunnerFailures  = 2           // jobs in a row that a runner's machine could not run, after which it gets no more
	JobBlames       = 3           // machines that one job may count against: what more of them cannot run may be the job's own fault
	MachineWait     = time.Hour   // for a machine that may take a job after others could not run it: somebody has to repair one first
)

// Events and their delivery (package notify).
const (
	EventBodyBytes   = 8 * KiB         // what an event says; whoever wants more reads the rows that it names
	EventTick        = 5 * time.Second // a look for deliveries whose pause or lease is over; new events wake by themselves
	EventSpread      = 256             // events that one transaction gives to their subscribers
	DeliveryBatch    = 32              // deliveries of one lease
	DeliveryTimeout  = 20 * time.Second
	DeliveryLease    = 2 * time.Minute // no delivery begins in its last DeliveryTimeout
	DeliveryTries    = 16              // with the pauses below about a day
	DeliveryPause    = 5 * time.Second // before the second try; it doubles with each, up to
	DeliveryPauseMax = 6 * time.Hour
	DeliveryError    = 500                 // bytes of what is kept of an error
	EventKeep        = 7 * 24 * time.Hour  // events that all of their subscribers were told of
	EventLife        = 30 * 24 * time.Hour // all others, such as those that a subscriber was not told of
)

// Pages.
const (
	SessionLife = 30 * 24 * time.Hour // of who signed in on a page; it ends before that with its key
	FormBytes   = 32 * KiB            // of a form of a page: a key, or what is to be done
)

// Series of files (tacho detect).
const (
	SeriesFileBytes = 64 * MiB  // a million values with commits and times
	SeriesValues    = 1_000_000 // of one series: hundreds of years of nightly runs
)

// Looking after a data folder.
const (
	UpkeepProblems = 100   // that a check lists; a person reads the first few
	UpkeepBatch    = 5_000 // rows in one transaction that removes: some 20 ms, for which all writers wait
)

// The server's data folder.
const (
	LockWait      = 30 * time.Second // for commands of the same machine, which hold the folder for a few requests each
	LockRetry     = 25 * time.Millisecond
	CheckBytes    = 64 * MiB        // a database up to this size is checked at every start of a server: 150 MB/s, so at most half a second
	HealthFresh   = 2 * time.Second // one look at the storage serves all who ask for so long; it writes and flushes
	HealthTimeout = 2 * time.Second // a disk that has not answered by then is not ready
	ProbeBytes    = 64 * KiB        // written and removed by such a look; more than what file systems keep inside of their own records
)
