package adapter

// webTools are the tools of JavaScript and Dart.
var webTools = []tool{}
