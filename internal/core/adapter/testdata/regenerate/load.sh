#!/bin/sh
# Makes the fixtures of load generators by running them against servers on loopback: wrk, hey, k6, locust, pgbench, sysbench, redis-benchmark and JMeter.
# Needs them, python3, redis-server and PostgreSQL's programs (PGBIN names their folder); k6, hey and locust may lie in TOOLS. JMeter needs Java. A tool that is missing is named and passed over.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || true; done; rm -rf "$work"' EXIT
PATH="${TOOLS:-/nonexistent}:${PGBIN:-/usr/lib/postgresql/15/bin}:$PATH"
cd "$work"
out() { mkdir -p "$here/$1" && sed "s#$work#/sample#g" >"$here/$1/$2"; } # folders are nobody's business
has() { command -v "$1" >/dev/null || { echo "no $1: its fixtures stay as they are"; return 1; }; }

mkdir www && head -c 2000 /dev/zero | tr '\0' x >www/index.html
python3 -m http.server --bind 127.0.0.1 --directory www 18080 >/dev/null 2>&1 & pids="$pids $!"
sleep 1
url=http://127.0.0.1:18080
if has wrk; then
	wrk -t2 -c8 -d2s --latency "$url/" | out wrk here.txt
	wrk -t1 -c2 -d1s "$url/missing" | out wrk here_errors.txt
fi
if has hey; then
	hey -n 200 -c 4 "$url/" | out hey here.txt
	hey -n 50 -c 2 -o csv "$url/" | out hey here.csv
	hey -n 20 -c 2 http://127.0.0.1:9/ | out hey here_errors.txt
fi
if has k6; then
	cat >k6.js <<'END'
import http from "k6/http"; import { check } from "k6"; import { Trend } from "k6/metrics";
const own = new Trend("own_time", true);
export const options = { vus: 2, iterations: 20, thresholds: { http_req_duration: ["p(95)<2000"], own_time: ["max<0.0001"] } };
export default function () { const r = http.get(`${__ENV.URL}/`); check(r, { "is 200": (r) => r.status === 200 }); own.add(r.timings.waiting); }
export function handleSummary(data) { return { "handle.json": JSON.stringify(data, null, 1) }; }
END
	k6 run -q -e URL="$url" --out json=points.json k6.js >/dev/null 2>&1 || true
	sed -i '/handleSummary/d' k6.js
	K6_NEW_MACHINE_READABLE_SUMMARY=true k6 run -q -e URL="$url" --summary-export machine.json k6.js >/dev/null 2>&1 || true
	out k6 here_machine.json <machine.json
	k6 run -q -e URL="$url" --summary-export export.json k6.js >/dev/null 2>&1 || true
	cat >k6more.js <<'END'
import http from "k6/http"; import { check, group } from "k6"; import { Trend, Rate, Counter } from "k6/metrics";
const own = new Trend("own_time", true), size = new Trend("own_size"), rate = new Rate("own_rate"), count = new Counter("own_count");
const some = (vus, iterations, exec) => ({ executor: "shared-iterations", vus, iterations, exec });
export const options = { scenarios: { one: some(2, 10, "a"), two: some(1, 5, "b") }, thresholds: { own_time: ["max<0.0001"], "http_req_duration{name:index}": ["avg<1000"] } };
export function a() { group("outer", () => { const r = http.get(`${__ENV.URL}/`, { tags: { name: "index" } }); check(r, { "is 404": (r) => r.status === 404 }); own.add(r.timings.waiting); size.add(5.5); count.add(2); group("inner", () => { http.get(`${__ENV.URL}/missing`); }); }); }
export function b() { rate.add(http.get(`${__ENV.URL}/`).status === 404); }
END
	k6 run -q -e URL="$url" --out csv=points.csv k6more.js 2>&1 | out k6 here.txt
	k6 run -q -e URL="$url" --summary-mode full k6more.js 2>&1 | out k6 here_full.txt
	k6 run -q -e URL="$url" --summary-mode legacy k6more.js 2>&1 | out k6 here_legacy.txt # until version 2
	head -150 points.csv | out k6 here.csv
	out k6 here_handle.json <handle.json; head -400 points.json | out k6 here_points.ndjson; out k6 here_export.json <export.json
fi
if has locust; then
	cat >locustfile.py <<'END'
from locust import HttpUser, task, constant
class U(HttpUser):
    wait_time = constant(0.01)
    @task(3)
    def index(self): self.client.get("/")
    @task
    def missing(self): self.client.get("/missing")
END
	locust -f locustfile.py --headless -u 2 -r 2 -t 3s --host "$url" --csv locust --only-summary >/dev/null 2>&1 || true
	out locust here_stats.csv <locust_stats.csv
	locust -f locustfile.py --headless -u 2 -r 2 -t 8s --host "$url" --csv history --csv-full-history --only-summary >/dev/null 2>&1 || true
	out locust here_stats_history.csv <history_stats_history.csv
	locust -f locustfile.py --headless -u 2 -r 2 -t 3s --host "$url" --json 2>/dev/null | out locust here.json
fi
if has redis-server && has redis-benchmark; then
	redis-server --port 16379 --bind 127.0.0.1 --save '' --dir "$work" >/dev/null & pids="$pids $!"
	sleep 1
	redis-benchmark -h 127.0.0.1 -p 16379 -n 2000 -c 4 -t set,get,lrange_100 --csv | out redis_benchmark here.csv
	redis-benchmark -h 127.0.0.1 -p 16379 -n 2000 -c 4 -t set,get | out redis_benchmark here.txt
	redis-benchmark -h 127.0.0.1 -p 16379 -n 2000 -c 4 -t set,get -q | out redis_benchmark here_quiet.txt
fi
if has sysbench; then
	sysbench cpu --threads=2 --time=1 run | out sysbench here_cpu.txt
	sysbench memory --memory-total-size=1G run | out sysbench here_memory.txt
	{ for how in write read; do echo "=== $how ==="; sysbench memory --memory-total-size=256M --memory-oper=$how --memory-block-size=4K run; done; } | out sysbench here_two.txt
	sysbench cpu --threads=2 --time=2 --report-interval=1 --cpu-max-prime=2000 run | out sysbench here_intervals.txt
	sysbench threads --time=2 --report-checkpoints=1 run | out sysbench here_checkpoints.txt
	{ sysbench fileio --file-total-size=16M --file-num=4 prepare >/dev/null && sysbench fileio --file-total-size=16M --file-num=4 --file-test-mode=rndrw --time=1 run; } | out sysbench here_fileio.txt
fi
if has initdb && has pgbench; then
	user=postgres
	mkdir pg && chown "$user" pg "$work" && chmod 755 "$work"
	as() { su "$user" -s /bin/sh -c "PATH='$PATH' $*"; }
	as "initdb -D '$work/pg/data' -A trust >/dev/null"
	as "pg_ctl -D '$work/pg/data' -o '-c listen_addresses= -k $work/pg' -w start >/dev/null"
	as "pgbench -h '$work/pg' -i -s 1 postgres >/dev/null 2>&1"
	as "pgbench -h '$work/pg' -c 2 -j 2 -T 3 -P 1 -r postgres 2>&1" | out pgbench here.txt
	as "pgbench -h '$work/pg' -c 1 -t 200 -S -n postgres 2>&1" | out pgbench here_select.txt
	as "pgbench -h '$work/pg' -c 2 -t 100 -n -b select-only@3 -b simple-update@1 -r -P 1 postgres 2>&1" | out pgbench here_scripts.txt
	as "pgbench -h '$work/pg' -c 2 -T 1 -C -S -n postgres 2>&1" | out pgbench here_reconnect.txt
	as "pgbench -h '$work/pg' -c 2 -t 100 -n -S -R 200 -L 0.2 postgres 2>&1" | out pgbench here_limit.txt
	cat >conflict.sql <<'END'
\set aid random(1, 3)
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT sum(abalance) FROM pgbench_accounts WHERE aid < 10;
UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;
END;
END
	echo 'SELECT 1/0;' >divide.sql
	as "pgbench -h '$work/pg' -c 4 -t 50 -n -f '$work/conflict.sql' --max-tries=2 -r postgres 2>&1" | out pgbench here_failures.txt
	{ as "pgbench -h '$work/pg' -t 5 -n -f '$work/divide.sql' postgres 2>&1" || true; as "pgbench -h '$work/pg' -t 20 -n -S postgres 2>&1"; } | out pgbench here_aborted.txt
	if has sysbench; then
		oltp="sysbench --db-driver=pgsql --pgsql-host=$work/pg --pgsql-user=$user --pgsql-db=postgres --tables=1 --table-size=1000 --threads=2"
		$oltp oltp_read_write prepare >/dev/null
		$oltp --time=2 --report-interval=1 oltp_read_write run | out sysbench here_oltp.txt
		{ $oltp --pgsql-user=nobody oltp_read_only run 2>&1 || true; sysbench threads --time=1 run; } | out sysbench here_failed.txt
	fi
	as "pg_ctl -D '$work/pg/data' -m fast stop >/dev/null"
fi
if has jmeter; then
	cat >plan.jmx <<END
<?xml version="1.0" encoding="UTF-8"?>
<jmeterTestPlan version="1.2" properties="5.0" jmeter="5.6.3"><hashTree><TestPlan guiclass="TestPlanGui" testclass="TestPlan" testname="plan" enabled="true"/><hashTree>
<ThreadGroup guiclass="ThreadGroupGui" testclass="ThreadGroup" testname="users" enabled="true"><stringProp name="ThreadGroup.num_threads">2</stringProp><elementProp name="ThreadGroup.main_controller" elementType="LoopController" guiclass="LoopControlPanel" testclass="LoopController" enabled="true"><boolProp name="LoopController.continue_forever">false</boolProp><stringProp name="LoopController.loops">20</stringProp></elementProp></ThreadGroup><hashTree>
<HTTPSamplerProxy guiclass="HttpTestSampleGui" testclass="HTTPSamplerProxy" testname="index, whole" enabled="true"><elementProp name="HTTPsampler.Arguments" elementType="Arguments"><collectionProp name="Arguments.arguments"/></elementProp><stringProp name="HTTPSampler.domain">127.0.0.1</stringProp><stringProp name="HTTPSampler.port">18080</stringProp><stringProp name="HTTPSampler.path">/</stringProp><stringProp name="HTTPSampler.method">GET</stringProp></HTTPSamplerProxy><hashTree/>
<HTTPSamplerProxy guiclass="HttpTestSampleGui" testclass="HTTPSamplerProxy" testname="missing" enabled="true"><elementProp name="HTTPsampler.Arguments" elementType="Arguments"><collectionProp name="Arguments.arguments"/></elementProp><stringProp name="HTTPSampler.domain">127.0.0.1</stringProp><stringProp name="HTTPSampler.port">18080</stringProp><stringProp name="HTTPSampler.path">/missing</stringProp><stringProp name="HTTPSampler.method">GET</stringProp></HTTPSamplerProxy><hashTree/>
</hashTree></hashTree></hashTree></jmeterTestPlan>
END
	jmeter -n -t plan.jmx -l results.jtl -Jjmeter.save.saveservice.output_format=csv >summary.txt 2>&1 || true
	if [ -s results.jtl ]; then
		head -81 results.jtl | out jmeter here.csv
	else # as Debian's package does, without a library that it needs
		echo "jmeter does not run: its fixtures stay as they are"
	fi
fi
