package adapter

// scriptTools are the tools of Python and Ruby.
var scriptTools = []tool{pythonASVTool, pythonPytestTool, pyperfTool, rubyBenchmarkTool, benchmarkIPSTool, rubyBenchTool}
