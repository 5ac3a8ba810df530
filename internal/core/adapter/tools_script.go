package adapter

// scriptTools are the tools of Python and Ruby.
var scriptTools = []tool{pythonPytestTool}
