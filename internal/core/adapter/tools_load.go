package adapter

// loadTools are tools that put load on a server.
var loadTools = []tool{}
