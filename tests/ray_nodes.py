"""A Ray of two nodes on this machine, each in a network namespace of its own, so that neither is reachable."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HEAD, OTHER = "10.213.7.1", "10.213.7.2"
PORT = 6399

_IMPATIENT = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "500",
    "RAY_health_check_failure_threshold": "3",
}
"""A node that is gone is missed after two seconds rather than a quarter of a minute."""


@dataclass
class Nodes:
    """Two nodes; the driver belongs into the head's namespace."""

    tag: str
    _kept: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def inside(self) -> tuple[str, ...]:
        """Words before a command that is to run beside the head."""
        return ("ip", "netns", "exec", f"{self.tag}a")

    @property
    def address(self) -> str:
        """Where the head is found."""
        return f"{HEAD}:{PORT}"

    def begin(self, name: str, *options: str, cpus: int) -> None:
        """Start a node, and wait until it is there."""
        folder = Path(tempfile.mkdtemp(prefix="mr-", dir="/tmp"))
        ray = (sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats", *options)
        own = (f"--num-cpus={cpus}", f"--temp-dir={folder}", "--object-store-memory=100000000")
        keeper = subprocess.Popen(
            [
                *("ip", "netns", "exec", f"{self.tag}{name}"),
                *(sys.executable, "-m", "mlops_ray.cluster_keeper", str(folder), *ray, *own),
            ],
            stdin=subprocess.PIPE,
            start_new_session=True,
            env={**plain(), "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0", **_IMPATIENT},
        )
        self._kept[name] = keeper
        deadline = time.monotonic() + 60
        while "Ray runtime started" not in _text(folder / "start.log"):
            assert time.monotonic() < deadline, _text(folder / "start.log")
            time.sleep(0.05)

    def kill(self, name: str) -> None:
        """End every process of a node with SIGKILL."""
        keeper = self._kept.pop(name)
        assert keeper.stdin is not None
        keeper.stdin.close()
        keeper.wait()

    def kill_all(self) -> None:
        """End all nodes."""
        for name in list(self._kept):
            self.kill(name)


def plain() -> dict[str, str]:
    """Give the environment without what a Ray that this process started earlier has set."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def why_not() -> str:
    """Say why namespaces cannot be made here; empty when they can."""
    if os.geteuid() != 0:
        return "making network namespaces needs root"
    name = f"mt{os.getpid()}"
    try:
        _ip("netns", "add", name)
        _ip("netns", "del", name)
    except (OSError, subprocess.CalledProcessError) as exc:
        return f"network namespaces cannot be made: {exc}"
    return ""


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def two_nodes() -> Iterator[Nodes]:
    """Make two namespaces with a cable between them, and a node in each: the head with one core, the other with two."""
    tag = f"mr{os.getpid()}"
    with ExitStack() as stack:
        for name in ("a", "b"):
            _ip("netns", "add", f"{tag}{name}")
            stack.callback(_ip, "netns", "del", f"{tag}{name}")
            if name == "b":
                _ip("link", "add", f"{tag}x", "netns", f"{tag}a", "type", "veth", "peer", f"{tag}y", "netns", f"{tag}b")
        for name, end, address in (("a", "x", HEAD), ("b", "y", OTHER)):
            space = ("-n", f"{tag}{name}")
            _ip(*space, "link", "set", "lo", "up")
            _ip(*space, "addr", "add", f"{address}/24", "dev", f"{tag}{end}")
            _ip(*space, "link", "set", f"{tag}{end}", "up")
        nodes = Nodes(tag)
        stack.callback(nodes.kill_all)
        nodes.begin("a", "--head", "--include-dashboard=false", f"--node-ip-address={HEAD}", f"--port={PORT}", cpus=1)
        nodes.begin("b", f"--address={HEAD}:{PORT}", f"--node-ip-address={OTHER}", cpus=2)
        yield nodes
