package adapter

// loadTools are tools that put load on a server.
var loadTools = []tool{
	wrkTool, wrk2Tool, heyTool, vegetaTool, k6Tool, pgbenchTool, sysbenchTool, redisBenchmarkTool, memtierTool, jmeterTool, locustTool, gatlingTool,
}
