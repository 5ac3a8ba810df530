package adapter

import "slices"

// tools is the one table of adapters, family by family. Adding one is a file, a folder of samples and a line in its family's table.
var tools = slices.Concat(
	[]tool{bmfTool, goBenchTool, hyperfineTool},
	rustTools, webTools, nativeTools, scriptTools, loadTools, systemTools,
)
