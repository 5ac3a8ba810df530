#!/bin/sh
# Makes the fixtures of JMH by running it. Needs a JDK and Maven.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
out() { mkdir -p "$here/$1" && sed "s#$work#/sample#g; s#\"jvm\" : \"[^\"]*\"#\"jvm\" : \"java\"#; s#VM invoker: .*#VM invoker: java#" >"$here/$1/$2"; } # folders are nobody's business
mkdir -p src/main/java/org/example
cat >pom.xml <<'END'
<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId><artifactId>sample</artifactId><version>1</version>
<properties><maven.compiler.source>17</maven.compiler.source><maven.compiler.target>17</maven.compiler.target></properties>
<dependencies>
<dependency><groupId>org.openjdk.jmh</groupId><artifactId>jmh-core</artifactId><version>1.37</version></dependency>
<dependency><groupId>org.openjdk.jmh</groupId><artifactId>jmh-generator-annprocess</artifactId><version>1.37</version><scope>provided</scope></dependency>
</dependencies></project>
END
cat >src/main/java/org/example/Sample.java <<'END'
package org.example;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.*;

@State(Scope.Benchmark)
@Fork(2)
@Warmup(iterations = 1, time = 50, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 3, time = 50, timeUnit = TimeUnit.MILLISECONDS)
public class Sample {
  @Param({"10", "100"}) int n;

  @Benchmark
  @BenchmarkMode({Mode.AverageTime, Mode.Throughput})
  @OutputTimeUnit(TimeUnit.MICROSECONDS)
  public String join() { return String.join(" ", java.util.Collections.nCopies(n, "word")); }

  @Benchmark
  @BenchmarkMode(Mode.SampleTime)
  @OutputTimeUnit(TimeUnit.NANOSECONDS)
  public int length() { return "word".repeat(n).length(); }

  @Benchmark
  @BenchmarkMode(Mode.AverageTime)
  public int broken() { throw new IllegalStateException("it does not work"); }
}
END
mvn -q -B compile dependency:copy-dependencies -DoutputDirectory=lib
java -cp "target/classes:lib/*" org.openjdk.jmh.Main -prof gc -rf json -rff r.json >/dev/null 2>&1
java -cp "target/classes:lib/*" org.openjdk.jmh.Main -rf csv -rff r.csv -f 1 >/dev/null 2>&1
out java_jmh here.json <r.json
out java_jmh here.csv <r.csv
java -cp "target/classes:lib/*" org.openjdk.jmh.Main -prof gc -rf text -rff r.table -f 1 >r.log 2>&1
out java_jmh here-log.txt <r.log
out java_jmh here-table.txt <r.table
