package adapter

// rustTools are Rust's tools.
var rustTools = []tool{}
