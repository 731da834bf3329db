"""A Ray to work with: one that runs somewhere, or one started here, on the loopback alone, for as long as needed."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.durable import remove_tree, try_lock
from mlops.errors import StageError
from mlops_ray.cluster_keeper import ENDED, KEPT, LOG

__all__ = ["Cluster", "cores", "join", "start"]

_LOOPBACK = "127.0.0.1"
_READY = "ray_current_cluster"
"""File below the temporary folder in which Ray writes its address once it has started."""

_ANSWER_SECONDS = 5.0
_PATIENCE = 60.0
_STORE_BYTES = 256 * 2**20
"""Object store of a Ray started here; its stages read and write files, so little goes through it."""

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_DOCKER_CPU_WARNING": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
_ALONE = {
    "RAY_worker_niceness": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # else Ray takes 127.0.0.1 for a mistake and listens everywhere
}


@dataclass
class Cluster:
    """A connection to a Ray."""

    address: str
    keeper: subprocess.Popen[bytes] | None = None
    """Keeps the processes of a Ray that was started here."""

    borrowed: bool = False
    """Whether this process was connected before, and stays so."""

    def close(self) -> None:
        """Leave the cluster; end it when it was started here."""
        import ray

        if not self.borrowed:
            ray.shutdown()
        if self.keeper is not None:
            _dismiss(self.keeper)


def cores() -> int:
    """Count the cores that this process may use, a container's limit included; Ray itself counts the machine's."""
    given = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(given, math.ceil(int(quota) / int(period))))
    return given


def join(address: str) -> Cluster:
    """Connect to a cluster that runs.

    Raises:
        StageError: nothing answers there.
    """
    os.environ.update(_QUIET)
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_SECONDS).close()
    except OSError as exc:  # Ray itself would try for many minutes
        raise _unreachable(address, str(exc)) from exc
    return _connected(Cluster(address), node_ip=None)


def start(cpus: int) -> Cluster:
    """Start a Ray on this machine that only this machine can reach, and connect to it.

    It ends with this process, however this process ends. When this process is connected to a Ray
    already, that one is used.

    Args:
        cpus: cores that tasks may use in all.

    Raises:
        StageError: Ray does not start.
    """
    os.environ.update(_QUIET | _ALONE)
    os.environ.setdefault("RAY_AUTH_MODE", "token")  # else every user of this machine could run tasks in our name
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    import ray

    if ray.is_initialized():
        return Cluster(ray.get_runtime_context().gcs_address, borrowed=True)
    folder = _new_folder()
    keeper = _keeper(folder, cpus)
    try:
        return _connected(Cluster(_address(folder, keeper), keeper), node_ip=_LOOPBACK)
    except BaseException:
        _dismiss(keeper)
        raise


def _connected(cluster: Cluster, *, node_ip: str | None) -> Cluster:
    import ray

    options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False, "namespace": "mlops"}
    if node_ip:
        options["_node_ip_address"] = node_ip
    logging.getLogger("ray").setLevel(logging.ERROR)  # it warns that it cannot take over SIGTERM in a thread
    try:
        with _own_signals():
            ray.init(address=cluster.address, **options)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError, ray.exceptions.RayError) as exc:
        raise _unreachable(cluster.address, next(iter(str(exc).splitlines()), type(exc).__name__)) from exc
    return cluster


def _unreachable(address: str, why: str) -> StageError:
    return StageError(
        f"no Ray can be joined at {address}: {why}",
        fix="make this machine one of its nodes (ray start --address=…) with the same Python, Ray and "
        "RAY_AUTH_TOKEN, or leave executor.address out to start one for the run",
    )


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keep the handler of SIGTERM, which Ray replaces where it can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _new_folder() -> Path:
    """Make Ray's folder; its sockets need a short path, so it cannot lie below the project.

    Folders of a keeper that was itself killed are removed.
    """
    home = Path(tempfile.gettempdir() if len(tempfile.gettempdir()) < len("/var/tmp/x") else "/tmp")  # noqa: S108
    home /= f"mlops-ray-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    if home.stat().st_uid != os.getuid():
        raise StageError(f"{home} belongs to somebody else", fix="have it removed")
    for other in home.glob("r-*"):
        _remove_if_forsaken(other)
    folder = home / f"r-{secrets.token_hex(3)}"
    folder.mkdir(mode=0o700)
    return folder


def _remove_if_forsaken(folder: Path) -> None:
    """Remove a folder whose keeper no longer holds its lock."""
    try:
        if time.time() - folder.stat().st_mtime < _PATIENCE:
            return
    except OSError:
        return
    lock = try_lock(folder / KEPT)
    if lock is not None:
        with lock:
            remove_tree(folder)


def _keeper(folder: Path, cpus: int) -> subprocess.Popen[bytes]:
    options = (
        *("--head", "--block", "--disable-usage-stats", "--include-dashboard=false", "--port=0"),
        *(f"--node-ip-address={_LOOPBACK}", f"--num-cpus={cpus}", f"--temp-dir={folder}"),
        f"--object-store-memory={_STORE_BYTES}",
    )
    ray = (sys.executable, "-m", "ray.scripts.scripts", "start", *options)
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.Popen(  # noqa: S603 - our own module and Ray's
        [sys.executable, "-m", "mlops_ray.cluster_keeper", str(folder), *ray],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def _dismiss(keeper: subprocess.Popen[bytes]) -> None:
    """Let the keeper end what it keeps."""
    if keeper.stdin is not None:
        keeper.stdin.close()
    keeper.wait()


def _address(folder: Path, keeper: subprocess.Popen[bytes]) -> str:
    """Wait until Ray has written where it can be reached."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if address := (folder / _READY).read_text().strip():
                return address
        if keeper.poll() is not None or (folder / ENDED).exists():
            break
        time.sleep(0.02)
    raise StageError(
        f"Ray did not start: {_last_words(folder)}",
        fix="look for memory and for room in /tmp, or write executor=local",
    )


def _last_words(folder: Path) -> str:
    with contextlib.suppress(OSError):
        lines = (folder / LOG).read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"
    return "it ended at once"
