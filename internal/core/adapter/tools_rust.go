package adapter

// rustTools are Rust's tools.
var rustTools = []tool{rustBenchTool, rustCriterionTool, rustIaiTool, rustGungraunTool, cargoCriterionTool, divanTool}
