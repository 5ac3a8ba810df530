package adapter

// webTools are the tools of JavaScript and Dart.
var webTools = []tool{jsBenchmarkTool, jsTimeTool, jsVitestTool, tinybenchTool, mitataTool, denoBenchTool, dartTool}
