package runner

import (
	"encoding/json"
	"math"
	"strings"
	"time"
)

// MeasuresPath is the reserved name of the results that the runner itself makes for build_time and file_size: an artifact of kind file,
// one per iteration, in Bencher Metric Format. It is an artifact, and not a text in the terminal message, because it is read as a result
// like the files that the benchmark wrote, and because a message must not grow with the number of files.
const MeasuresPath = ".tacho/measures.json"

// measures returns the BMF text of one iteration: the wall time of the command alone (seconds, measure build-time, named after the
// command line; pulling, unpacking and starting the sandbox are not in it) and the size of each collected file (bytes, measure
// file-size, named after its path). It returns nil if neither is asked for.
func measures(command []string, wall time.Duration, files []collected, buildTime, fileSize bool) ([]byte, error) {
	if !buildTime && !fileSize {
		return nil, nil
	}
	type value struct {
		Value float64 `json:"value"`
	}
	doc := map[string]map[string]value{}
	if buildTime {
		seconds := math.Round(wall.Seconds()*1e6) / 1e6
		doc[textOr(strings.Join(command, " "), "image default")] = map[string]value{"build-time": {seconds}}
	}
	if fileSize {
		for _, f := range files {
			if doc[f.path] == nil {
				doc[f.path] = map[string]value{}
			}
			doc[f.path]["file-size"] = value{float64(f.size)}
		}
	}
	return json.Marshal(doc)
}
