package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/client"
)

// began is when the first commit was measured; each next one an hour later.
var began = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// hash is the name of a commit, whose number is in its end.
func hash(branch, commit int) string { return fmt.Sprintf("%08x%032x", 0xbe7c0000+branch, commit) }

// report is what one testbed measured of one commit.
func (p *project) report(project string, at place, commit int) api.NewRun {
	type value struct {
		Value float64 `json:"value"`
	}
	results := map[string]map[string]value{}
	for i := range benchmarkCount {
		results[name(i)] = map[string]value{"latency": {p.values[at.branch][at.testbed][i][commit]}}
	}
	text, err := json.Marshal(results)
	if err != nil {
		panic(err) // of numbers and names
	}
	begin := began.Add(time.Duration(commit) * time.Hour)
	end := begin.Add(time.Minute)
	return api.NewRun{Project: project, Branch: branches[at.branch], Hash: hash(at.branch, commit), Testbed: testbeds[at.testbed],
		StartTime: &begin, EndTime: &end, Results: []string{string(text)}}
}

// submit sends all reports, the branches beside each other. The key is TACHO_KEY.
func (p *project) submit(ctx context.Context, address, project string) error {
	c := client.New(client.Config{Base: address, Key: os.Getenv("TACHO_KEY"), UserAgent: "planted"})
	if _, err := c.Run(ctx, p.report(project, place{}, 0)); err != nil { // makes the project
		return err
	}
	ended := make(chan error, len(branches))
	for b := range branches {
		go func() { ended <- p.submitBranch(ctx, c, project, b) }()
	}
	var all []error
	for range branches {
		all = append(all, <-ended)
	}
	return errors.Join(all...)
}

// submitBranch sends the reports of a branch in the order of its commits, but for the one that made the project.
func (p *project) submitBranch(ctx context.Context, c *client.Client, project string, branch int) error {
	for commit := range commitCount {
		for t := range testbeds {
			at := place{branch, t}
			if commit == 0 && at == (place{}) {
				continue
			}
			if _, err := c.Run(ctx, p.report(project, at, commit)); err != nil {
				return fmt.Errorf("commit %d of %s: %w", commit, at, err)
			}
		}
	}
	return nil
}

// writeReports writes all reports to a file, as bodies of POST /v0/run.
func (p *project) writeReports(path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if closed := f.Close(); err == nil {
			err = closed
		}
	}()
	buffer := bufio.NewWriter(f)
	lines := json.NewEncoder(buffer)
	for commit := range commitCount {
		for b := range branches {
			for t := range testbeds {
				if err := lines.Encode(p.report("planted", place{b, t}, commit)); err != nil {
					return err
				}
			}
		}
	}
	return buffer.Flush()
}

// ask reads the events of a server that people are told of: those that are no longer only suspected.
func ask(ctx context.Context, address, project string) ([]Item, error) {
	c := client.New(client.Config{Base: address, Key: os.Getenv("TACHO_KEY"), UserAgent: "planted"})
	events, err := client.All(ctx, client.Page{}, func(ctx context.Context, page client.Page) ([]api.Event, int, error) {
		return c.Events(ctx, project, client.EventQuery{}, page)
	})
	if err != nil {
		return nil, err
	}
	var items []Item
	for _, e := range events {
		if e.State == api.EventSuspected || e.State == api.EventRefuted {
			continue
		}
		full, err := c.Event(ctx, project, e.UUID)
		if err != nil {
			return nil, err
		}
		item := Item{Branch: e.Branch.Name, Testbed: e.Testbed.Name, Machine: e.Kind == api.MachineEvent}
		if item.First, err = commitOf(e.First); err == nil {
			item.Last, err = commitOf(e.Last)
		}
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", e.UUID, err)
		}
		for _, change := range full.Changes {
			item.Benchmarks = append(item.Benchmarks, change.Benchmark.Name)
		}
		items = append(items, item)
	}
	return items, nil
}

// commitOf is the number of a version's commit.
func commitOf(v api.EventVersion) (int, error) {
	if v.Hash == nil || len(*v.Hash) != 40 {
		return 0, fmt.Errorf("version %d has no commit of a planted project", v.Number)
	}
	n, err := strconv.ParseInt((*v.Hash)[8:], 16, 64)
	return int(n), err
}
