package adapter

// systemTools are what measures whole programs, and formats without a tool.
var systemTools = []tool{perfStatTool, gnuTimeTool, openMetricsTool, csvTool, jsonMapTool}
