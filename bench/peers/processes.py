"""Server processes of a peer: started as nobody in particular, watched by /proc, ended for good."""
import os
import pwd
import signal
import socket
import subprocess
import time

TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """Something that a person must read."""


def unprivileged():
    """Popen's arguments: servers refuse root, and nothing here needs it."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def give_away(folder):
    """Makes the folder the servers' own."""
    os.makedirs(folder, exist_ok=True)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return folder


def stat_fields(pid):
    """Fields of /proc/PID/stat from the third on (state); None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return f.read().rpartition(")")[2].split()
    except OSError:
        return None


def family(roots):
    """`roots` and all their descendants."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = stat_fields(name)
            if fields:
                parents.setdefault(int(fields[1]), []).append(int(name))
    found, todo = [], list(roots)
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += parents.get(pid, [])
    return found


def cpu_us(roots):
    """User and system time of processes, their descendants, and those of these that have ended."""
    total = 0
    for pid in family(roots):
        fields = stat_fields(pid)
        if fields:
            total += sum(int(ticks) for ticks in fields[11:15]) * TICK_US
    return total


def machine_busy(seconds=1.0):
    """The share of all processors that is in use by whatever runs."""

    def sample():
        with open("/proc/stat", encoding="ascii") as f:
            numbers = [int(n) for n in f.readline().split()[1:9]]
        return sum(numbers), numbers[3] + numbers[4]

    all_before, idle_before = sample()
    time.sleep(seconds)
    all_after, idle_after = sample()
    return 1 - (idle_after - idle_before) / max(1, all_after - all_before)


def free_ports(count, base=24000):
    """`count` neighbouring ports that nobody listens at."""
    while base < 30000:
        sockets = []
        try:
            for port in range(base, base + count):
                s = socket.socket()
                sockets.append(s)
                s.bind(("127.0.0.1", port))
            return list(range(base, base + count))
        except OSError:
            base += count
        finally:
            for s in sockets:
                s.close()
    raise Failed("no free ports between 24000 and 30000")


class Servers:
    """The processes of one system."""

    def __init__(self, folder):
        self.folder = give_away(folder)
        self.running = []

    def start(self, name, arguments, env=None):
        with open(os.path.join(self.folder, name + ".log"), "ab") as log:
            process = subprocess.Popen(arguments, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                       cwd=self.folder, env={**os.environ, **(env or {})},
                                       **unprivileged())
        process.name = name
        self.running.append(process)
        return process

    def run(self, arguments, env=None, timeout=120):
        """A tool that ends by itself; its output."""
        done = subprocess.run(arguments, capture_output=True, text=True, cwd=self.folder,
                              env={**os.environ, **(env or {})}, timeout=timeout, check=False,
                              **unprivileged())
        if done.returncode != 0:
            raise Failed(f"{' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def wait_until(self, good, what, seconds=60):
        deadline = time.time() + seconds
        while not good():
            for process in self.running:
                if process.poll() is not None:
                    log = os.path.join(self.folder, process.name + ".log")
                    with open(log, errors="replace", encoding="utf-8") as f:
                        tail = f.read()[-800:]
                    raise Failed(f"{process.name} ended while waiting for {what}:\n{tail}")
            if time.time() > deadline:
                raise Failed(f"waited {seconds} s in vain for {what}")
            time.sleep(0.1)

    def cpu_us(self):
        return cpu_us([p.pid for p in self.running])

    def stop(self):
        """SIGINT: PostgreSQL's quick end; others end by it as well."""
        for process in reversed(self.running):
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process in self.running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running = []
