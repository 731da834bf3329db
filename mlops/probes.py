"""Programs asked about the world (git, nvidia-smi): started early, read late, never waited for long."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["Probe", "git_facts", "git_probes", "gpu_facts", "gpu_probe", "parse_gpus", "parse_status"]

_PATIENCE_S = 20.0
_DIGEST_BYTES = 32
_CHUNK = 1 << 16

_OURS = (":/", ":(top,exclude,glob)**/.mlops/**")
"""The whole repository without what mlops itself writes."""

_STEADY = ("-c", "core.fsmonitor=false", "-c", "core.quotepath=true")
"""No daemon is left behind, and names look the same for everyone."""


class Probe:
    """A program that runs beside us; what it says is None if it fails, is missing or takes too long.

    A thread takes what it says as it comes, so that it never waits for us; of what may be long
    only a digest is kept.
    """

    def __init__(self, *command: str, folder: Path | None = None, digest: bool = False) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._hash = hashlib.blake2b(digest_size=_DIGEST_BYTES) if digest else None
        self._said: list[bytes] = []
        if not shutil.which(command[0]):
            return
        quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        try:
            self._process = subprocess.Popen(  # noqa: S603 - commands are constants of this module
                command,
                cwd=folder,
                env=os.environ | quiet,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            return
        self._thread = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._thread.start()

    def read(self) -> bytes | None:
        """Wait for the end and give what was said, or its digest as text."""
        if self._process is None:
            return None
        self._thread.join()
        if self._process.returncode != 0:
            return None
        return self._hash.hexdigest().encode() if self._hash else b"".join(self._said)

    def abandon(self) -> None:
        """End the program; nobody will read what it says."""
        if self._process is not None:
            self._process.kill()
        self.read()

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        timer = threading.Timer(_PATIENCE_S, process.kill)
        timer.daemon = True
        timer.start()
        with process:
            take = self._hash.update if self._hash else self._said.append
            while process.stdout and (said := process.stdout.read(_CHUNK)):
                take(said)
        timer.cancel()


def git_probes(folder: Path) -> tuple[Probe, Probe]:
    """Start asking git for the state of the working tree, and for its difference from the last commit."""
    status = ("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--no-renames", "--", *_OURS)
    # Full object names stand for the content of binary files, so that no payload is printed.
    style = ("--full-index", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--unified=0")
    difference = ("diff", "HEAD", *style, "--diff-algorithm=myers", "--src-prefix=a/", "--dst-prefix=b/", "--", *_OURS)
    return (
        Probe("git", *_STEADY, *status, folder=folder),
        Probe("git", *_STEADY, *difference, folder=folder, digest=True),
    )


def git_facts(status: Probe, difference: Probe) -> dict[str, Any] | None:
    """Tell commit, branch and whether the tree is dirty; None outside a repository or without git.

    A dirty tree has digests of the difference from the commit and of the names of untracked files.
    """
    said, changed = status.read(), difference.read()
    if said is None:
        return None
    commit, branch, untracked, is_changed = parse_status(said)
    facts: dict[str, Any] = {"commit": commit, "branch": branch, "dirty": is_changed or bool(untracked)}
    if is_changed and changed is not None:
        facts["diff_digest"] = changed.decode()
    if untracked:
        names = b"\0".join(sorted(untracked))
        facts["untracked_digest"] = hashlib.blake2b(names, digest_size=_DIGEST_BYTES).hexdigest()
    return facts


def parse_status(said: bytes) -> tuple[str, str, list[bytes], bool]:
    """Read ``git status --porcelain=v2 --branch -z --no-renames``.

    Returns:
        Commit and branch (empty before the first commit, or away from any branch), the names of
        untracked files, and whether tracked files are changed.
    """
    lines = [line for line in said.split(b"\0") if line]
    heads = dict(line[2:].split(b" ", 1) for line in lines if line.startswith(b"# "))
    commit = heads.get(b"branch.oid", b"").decode()
    branch = heads.get(b"branch.head", b"").decode(errors="replace")
    untracked = [line[2:] for line in lines if line.startswith(b"? ")]
    is_changed = any(line[:2] in {b"1 ", b"2 ", b"u "} for line in lines)
    return "" if commit == "(initial)" else commit, "" if branch == "(detached)" else branch, untracked, is_changed


def gpu_probe() -> Probe:
    """Start asking for NVIDIA GPUs."""
    return Probe("nvidia-smi", "-q", "-x")


def gpu_facts(probe: Probe) -> list[dict[str, Any]]:
    """List the GPUs; empty when there are none."""
    said = probe.read()
    return parse_gpus(said) if said else []


def parse_gpus(said: bytes) -> list[dict[str, Any]]:
    """Read ``nvidia-smi -q -x``: name, memory, driver and CUDA version of each GPU."""
    from xml.etree.ElementTree import ParseError, fromstring

    try:
        log = fromstring(said)  # noqa: S314 - written by the driver's own program, not by a stranger
    except ParseError:
        return []
    shared = {"driver": _text(log, "driver_version"), "cuda": _text(log, "cuda_version")}
    return [
        {"name": _text(gpu, "product_name"), "memory": _text(gpu, "fb_memory_usage/total")} | shared
        for gpu in log.iter("gpu")
    ]


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()
