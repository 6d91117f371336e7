"""What the demo runs: its servers and `toolgate run`, with logs and process ids in .run/."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUN = ROOT / ".run"
TARGET = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
PROGRAMS = {
    "servers": TARGET / "debug/demo-servers",
    "payments": ROOT / ".tools/bin/node",
    "toolgate": TARGET / "release/toolgate",
}
GATEWAY = "127.0.0.1:10000"
APPROVALS = "127.0.0.1:8181"  # as policies/policy.yaml has it
ISSUER = "127.0.0.1:8182"  # where approvers sign in, beside it
PORTS = {"crm": 9102, "shipping": 9103, "payments": 9101}  # as the registry has them


class Stack:
    """The demo's servers and `toolgate run`, each with its log and its process id in .run/."""

    def __init__(self):
        self.processes = {}
        self.audit = RUN / "audit.log"

    def start(self, identity):
        RUN.mkdir(exist_ok=True)
        listening = [int(at.rsplit(":", 1)[1]) for at in (GATEWAY, APPROVALS, ISSUER)]
        for port in [*PORTS.values(), *listening]:
            with contextlib.closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    sys.exit(f"port {port} is taken; if the demo is up, `make down` ends it")
        (RUN / "identity.json").write_text(json.dumps(identity, indent=2))
        self.audit.write_text("")
        crm, shipping, payments = map(str, PORTS.values())
        self.spawn("servers", PROGRAMS["servers"], crm, shipping)
        self.spawn("payments", PROGRAMS["payments"], "tests/clients/payments.mjs", payments)
        self.wait("servers", "shipping ready", 20)
        self.wait("payments", "payments ready", 20)
        self.spawn(
            "toolgate", PROGRAMS["toolgate"], "run",
            "--registry", "policies/registry.yaml", "envoy/demo/registry.yaml",
            "--policy", "policies/policy.yaml", "envoy/demo/policy.yaml", str(RUN / "identity.json"),
            "--listen", GATEWAY,
            "--access-log", str(self.audit),
            "--approvals",
        )  # fmt: skip
        self.wait("toolgate", "ready after", 180)

    def spawn(self, name, *command):
        log = (RUN / f"{name}.log").open("w")
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        self.processes[name] = process
        (RUN / f"{name}.pid").write_text(f"{process.pid}\n")

    def wait(self, name, words, seconds):
        log = RUN / f"{name}.log"
        until = time.monotonic() + seconds
        while words not in (text := log.read_text()):
            if self.processes[name].poll() is not None or time.monotonic() > until:
                sys.exit(f"{name} did not start:\n{text}")
            time.sleep(0.05)

    def stop(self):
        for name, process in reversed(self.processes.items()):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            (RUN / f"{name}.pid").unlink(missing_ok=True)


def down():
    """Ends what `up` started, if the process ids are still theirs."""
    for name in ("toolgate", "payments", "servers"):
        file = RUN / f"{name}.pid"
        if not file.exists():
            continue
        pid = int(file.read_text())
        while program(pid) == PROGRAMS[name].name:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            time.sleep(0.2)
        file.unlink()
        print(f"{name} stopped")
    (RUN / "headers").unlink(missing_ok=True)


def program(pid):
    """The name of a process's program; empty where there is no such process."""
    try:
        command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return pathlib.Path(command.split(b"\0")[0].decode(errors="replace")).name
