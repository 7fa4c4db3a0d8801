"""What a user could run instead: how each is set up and measured. A row is a dict."""
import json
import os
import shutil
import subprocess
import time

from processes import Failed, Servers, cpu_us, free_ports, unprivileged

HERE = os.path.dirname(os.path.abspath(__file__))
GO = "/usr/lib/go-1.19/bin/go"
POSTGRES = "/usr/lib/postgresql/15/bin/"


def row(system, guarantee, durability, clients, counted, server_us, client_us):
    operations = counted["operations"]
    return {
        "system": system, "guarantee": guarantee, "durability": durability, "clients": clients,
        "depth": 1, "operations": operations, "seconds": counted["seconds"],
        "throughput_per_s": round(operations / counted["seconds"], 1),
        "latency_us": counted["latency_us"], "errors": counted["errors"],
        "server_cpu_us_per_op": round(server_us / max(1, operations), 2),
        "client_cpu_us_per_op": round(client_us / max(1, operations), 2),
    }


def percentiles(values):
    values = sorted(values)

    def at(share):
        return values[max(0, -int(-share * len(values) // 1) - 1)] if values else 0

    return {"p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p999": at(0.999), "max": at(1)}


def pgbench_window(lines, begin, end):
    """Of pgbench's log, what was completed between two times: client, number, us, script, s, us."""
    latencies = []
    for line in lines:
        fields = line.split()
        if len(fields) >= 6 and begin <= int(fields[4]) + int(fields[5]) / 1e6 < end:
            latencies.append(int(fields[2]))
    return {"operations": len(latencies), "seconds": end - begin, "errors": 0,
            "latency_us": percentiles(latencies)}


class Postgres:
    """Alone, and with standbys that have it on disk before the client is told."""
    name = "postgres"
    packages = ["postgresql-15"]

    def __init__(self, options):
        self.options = options
        self.servers = Servers(os.path.join(options.folder, "postgres"))
        self.ports = free_ports(3)

    def version(self):
        return subprocess.check_output([POSTGRES + "postgres", "--version"], text=True).strip()

    def measure(self, durability):
        settings = [] if durability == "log" else ["fsync=off", "synchronous_commit=off"]
        data = os.path.join(self.servers.folder, "primary-" + durability)
        self.servers.run([POSTGRES + "initdb", "-D", data, "-U", "bench", "--auth=trust",
                          "--no-sync"])
        self.start("primary", data, self.ports[0], settings)
        try:
            self.sql(f"CREATE TABLE entries(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
                     f"at timestamptz, dice bigint, text text)")
            yield from self.rows("PostgreSQL alone", "none: one server", durability)
            if durability != "log":
                return
            self.standby(1, "FIRST 1 (s1)")
            yield from self.rows("PostgreSQL + 1 sync standby",
                                 "one crash loses nothing; failover by hand", durability)
            self.standby(2, "ANY 1 (s1, s2)")
            yield from self.rows("PostgreSQL + 2 standbys, any 1",
                                 "one crash of three loses nothing; failover by hand", durability)
        finally:
            self.servers.stop()

    def start(self, name, data, port, settings):
        arguments = [POSTGRES + "postgres", "-D", data, "-p", str(port), "-c",
                     "unix_socket_directories=", "-c", "listen_addresses=127.0.0.1",
                     "-c", "max_connections=1100"]
        for setting in settings:
            arguments += ["-c", setting]
        self.servers.start(name, arguments)
        ready = [POSTGRES + "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        self.servers.wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, name)

    def sql(self, statement):
        return self.servers.run([POSTGRES + "psql", "-X", "-At", "-h", "127.0.0.1", "-p",
                                 str(self.ports[0]), "-U", "bench", "-d", "postgres",
                                 "-c", statement]).strip()

    def standby(self, number, names):
        data = os.path.join(self.servers.folder, f"standby{number}")
        self.servers.run([POSTGRES + "pg_basebackup", "-D", data, "-R", "-c", "fast", "-d",
                          f"host=127.0.0.1 port={self.ports[0]} user=bench "
                          f"application_name=s{number}"])
        self.start(f"standby{number}", data, self.ports[number], [])
        self.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        self.sql("SELECT pg_reload_conf()")
        count = "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"
        self.servers.wait_until(lambda: self.sql(count) == str(number), "synchronous standbys")

    def rows(self, system, guarantee, durability):
        script = os.path.join(self.servers.folder, "insert.sql")
        with open(script, "w", encoding="ascii") as f:
            f.write("INSERT INTO entries(at, dice, text) VALUES (now(), "
                    f"(random() * 9e18)::bigint, '{'x' * self.options.size}');\n")
        for clients in self.options.clients:
            yield self.one_row(system, guarantee, durability, clients, script)

    def one_row(self, system, guarantee, durability, clients, script):
        options = self.options
        logs = os.path.join(self.servers.folder, "pgbench_log")
        length = options.warmup + options.seconds + 1
        before = int(self.sql("SELECT count(*) FROM entries"))
        load = subprocess.Popen(
            [POSTGRES + "pgbench", "-h", "127.0.0.1", "-p", str(self.ports[0]), "-U", "bench",
             "-n", "-c", str(clients), "-j", "1", "-M", "prepared", "-T", str(int(length + 0.99)),
             "-f", script, "-l", "--log-prefix=" + logs, "postgres"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            cwd=self.servers.folder, **unprivileged())
        time.sleep(options.warmup + 0.3)
        begin, server, client = time.time(), self.servers.cpu_us(), cpu_us([load.pid])
        time.sleep(options.seconds)
        end = time.time()
        server, client = self.servers.cpu_us() - server, cpu_us([load.pid]) - client
        said = load.communicate(timeout=60)[0]
        if load.returncode != 0:
            raise Failed("pgbench: " + said)
        lines = []
        for name in os.listdir(self.servers.folder):
            if name.startswith("pgbench_log."):
                with open(os.path.join(self.servers.folder, name), encoding="ascii") as f:
                    lines += f.readlines()
                os.remove(os.path.join(self.servers.folder, name))
        inserted = int(self.sql("SELECT count(*) FROM entries")) - before
        if inserted != len(lines):
            raise Failed(f"{system}: {len(lines)} acknowledged, {inserted} rows")
        counted = pgbench_window(lines, begin, end)
        return row(system, guarantee, durability, clients, counted, server, client)


def build_go(folder, name):
    """A load generator of Debian's own Go packages."""
    program = os.path.join(folder, name)
    env = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "",
           "GOCACHE": os.path.join(os.path.expanduser("~"), ".cache", "prytany", "go")}
    env.pop("GOROOT", None)
    sources = [os.path.join(HERE, "window.go"), os.path.join(HERE, name + ".go")]
    done = subprocess.run([GO, "build", "-o", program] + sources, env=env, capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{name}: {done.stderr}")
    os.chmod(program, 0o755)
    return program


def go_row(servers, system, guarantee, durability, clients, options, arguments):
    """Runs a load generator that says `begin`, `end` and what it counted."""
    load = subprocess.Popen(
        arguments + ["-clients", str(clients), "-size", str(options.size), "-warmup",
                     str(options.warmup), "-seconds", str(options.seconds)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **unprivileged())
    server = client = 0
    for line in load.stdout:
        if line == "begin\n":
            server, client = -servers.cpu_us(), -cpu_us([load.pid])
        elif line == "end\n":
            server, client = server + servers.cpu_us(), client + cpu_us([load.pid])
        else:
            counted = json.loads(line)
    errors = load.stderr.read()
    if load.wait() != 0:
        raise Failed(f"{system}: {errors}")
    if counted["operations"] == 0:
        raise Failed(f"{system}: nothing was acknowledged: {counted['first_error']}")
    return row(system, guarantee, durability, clients, counted, server, client)


class Etcd:
    """Three nodes; clients ask the leader, which is etcd's fastest way."""
    name = "etcd"
    packages = ["etcd-server", "etcd-client", "golang-go", "golang-etcd-server-dev"]

    def __init__(self, options):
        self.options = options
        self.servers = Servers(os.path.join(options.folder, "etcd"))
        self.load = build_go(options.folder, "etcd_load")

    def version(self):
        return subprocess.check_output(["etcd", "--version"], text=True).splitlines()[0]

    def measure(self, durability):
        flags = []
        if durability != "log":
            if "--unsafe-no-fsync" not in subprocess.run(["etcd", "--help"], check=False, text=True,
                                                         capture_output=True).stdout:
                return
            flags = ["--unsafe-no-fsync"]
        ports = free_ports(6)
        peers = [f"http://127.0.0.1:{port}" for port in ports[:3]]
        urls = [f"http://127.0.0.1:{port}" for port in ports[3:]]
        cluster = ",".join(f"n{i}={peer}" for i, peer in enumerate(peers))
        for i in range(3):
            self.servers.start(f"n{i}-{durability}", [
                "etcd", "--name", f"n{i}", "--data-dir", f"n{i}-{durability}.etcd",
                "--initial-cluster", cluster, "--initial-cluster-state", "new",
                "--initial-advertise-peer-urls", peers[i], "--listen-peer-urls", peers[i],
                "--advertise-client-urls", urls[i], "--listen-client-urls", urls[i],
                "--log-level", "error"] + flags)
        try:
            self.servers.wait_until(lambda: self.leader(urls), "etcd's leader")
            for clients in self.options.clients:
                yield go_row(self.servers, "etcd, 3 nodes", "one crash of three; linearizable",
                             durability, clients, self.options,
                             [self.load, "-endpoints", self.leader(urls)])
        finally:
            self.servers.stop()

    @staticmethod
    def leader(urls):
        done = subprocess.run(["etcdctl", "--endpoints", ",".join(urls), "endpoint", "status", "-w",
                               "json"], env={**os.environ, "ETCDCTL_API": "3"}, check=False,
                              capture_output=True, text=True)
        if done.returncode != 0:
            return None
        for node in json.loads(done.stdout):
            status = node["Status"]
            if status.get("leader") == status["header"]["member_id"]:
                return node["Endpoint"]
        return None


class Dqlite:
    """Three nodes of Debian's dqlite-demo, which is a node with a small HTTP front; clients speak
    dqlite's own protocol with the leader."""
    name = "dqlite"
    packages = ["go-dqlite", "golang-go", "golang-github-canonical-go-dqlite-dev"]

    def __init__(self, options):
        self.options = options
        self.servers = Servers(os.path.join(options.folder, "dqlite"))
        self.load = build_go(options.folder, "dqlite_load")

    def version(self):
        versions = subprocess.check_output(
            ["dpkg-query", "-W", "-f", "${Package} ${Version} ", "libdqlite0", "go-dqlite"],
            text=True)
        return versions.strip()

    def measure(self, durability):
        if durability != "log":
            return  # it has no such setting
        ports = free_ports(6)
        nodes = [f"127.0.0.1:{port}" for port in ports[:3]]
        for i, node in enumerate(nodes):
            api = f"127.0.0.1:{ports[3 + i]}"
            join = ["--join", nodes[0]] if i > 0 else []
            self.servers.start(f"n{i}", ["dqlite-demo", "--api", api, "--db", node, "--dir",
                                         self.servers.folder] + join)
            self.servers.wait_until(lambda address=api: self.answers(address), f"dqlite node {i}")
        try:
            for clients in self.options.clients:
                yield go_row(self.servers, "dqlite, 3 nodes", "one crash of three; linearizable",
                             durability, clients, self.options,
                             [self.load, "-nodes", ",".join(nodes)])
        finally:
            self.servers.stop()

    @staticmethod
    def answers(address):
        return subprocess.run(["python3", "-c", "import socket, sys; h, p = sys.argv[1].split(':'); "
                               "socket.create_connection((h, int(p)), 1)", address], check=False,
                              capture_output=True).returncode == 0


class Prytany:
    """Four replicas, one of which may lie; and plain SQLite, which its bench measures beside it."""
    name = "prytany"
    packages = []

    def __init__(self, options):
        self.options = options
        self.program = shutil.which("prytany", path=options.bin)
        if self.program is None:
            raise Failed(f"no program prytany in {options.bin}: scripts/build.sh release")

    def version(self):
        return subprocess.check_output([self.program, "--version"], text=True).strip()

    def measure(self, durability):
        options = self.options
        command = [self.program, "bench", "--local", "--workload", "insert1", "--size",
                   str(options.size), "--clients", ",".join(map(str, options.clients)),
                   "--durability", durability, "--seconds", str(options.seconds), "--warmup",
                   str(options.warmup), "--dir", options.folder, "--json"]
        for setting in options.set:
            command += ["--set", setting]
        if durability != "log":
            command.append("--no-floor")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed("prytany bench: " + done.stderr + done.stdout)
        for line in done.stdout.splitlines():
            said = json.loads(line)
            floor = said["workload"].startswith("floor: ")
            said["system"] = (said["workload"][len("floor: "):] if floor
                              else f"Prytany, {said['replicas']} replicas")
            said["guarantee"] = ("none: one process" if floor else
                                 f"any {said['faults']} of {said['replicas']} may lie; linearizable")
            yield said


SYSTEMS = [Prytany, Postgres, Etcd, Dqlite]
