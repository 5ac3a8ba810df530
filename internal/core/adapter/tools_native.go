package adapter

// nativeTools are the tools of C++, Java, .NET, Julia, PHP, and the test frameworks' XML.
var nativeTools = []tool{
	cppGoogleTool, cppCatch2Tool, javaJMHTool, cSharpDotNetTool, junitTool, phpbenchTool, benchmarkToolsTool, lntTool,
}
