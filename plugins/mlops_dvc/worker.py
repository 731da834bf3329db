"""One thing that DVC is to do: a request on standard input, an answer as the last line of standard output."""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from dvc.config import NoRemoteError
from dvc.exceptions import DvcException, FileTransferError
from dvc.repo import Repo
from dvc.rwlock import RWLockFileCorruptedError, RWLockFileFormatError
from dvc.scm import SCM
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.transfer import transfer

from mlops_dvc.layout import dvc_root
from mlops_dvc.refusals import refusal

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1
_Spec = Mapping[str, Any]


def main() -> None:
    """Read a request, carry it out, answer."""
    _end_with_parent()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what DVC shows is for people
    logging.getLogger("dvc").setLevel(logging.ERROR)  # whoever asked says what was done
    spec = json.loads(sys.stdin.buffer.read())
    try:
        answer = _mended(spec)
    except (DvcException, NoRemoteError, OSError, ValueError) as exc:
        answer = {"error": refusal(exc, spec)}
    with answers:
        answers.write(json.dumps(answer) + "\n")


def _end_with_parent() -> None:
    """Stop, and let go of DVC's locks, when the command that asked is gone."""
    signal.signal(signal.SIGTERM, _stop)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(1)


def _mended(spec: _Spec) -> dict[str, Any]:
    """Carry a request out, a second time when a killed DVC left its file of locks torn."""
    try:
        return _carried_out(spec)
    except (RWLockFileCorruptedError, RWLockFileFormatError):
        home = dvc_root(Path(spec["root"]))
        if home is None:
            raise
        # DVC writes this file whole while it holds another lock, so a torn one belongs to nobody.
        (home / ".dvc" / "tmp" / "rwlock").unlink(missing_ok=True)
        return _carried_out(spec)


def _carried_out(spec: _Spec) -> dict[str, Any]:
    verbs: dict[str, Callable[[Repo, _Spec], dict[str, Any]]] = {"track": _track, "push": _push, "pull": _pull}
    with _opened(spec) as repo:
        return verbs[spec["verb"]](repo, spec)


def _opened(spec: _Spec) -> Repo:
    """Open the project's DVC, which `track` sets up where there is none."""
    root = Path(spec["root"])
    home = dvc_root(root)
    if home is None and spec["verb"] == "track":
        _set_up(root, spec)
        home = root
    repo = Repo(str(home or root))
    if spec["verb"] == "track" and repo.config["core"].get("no_scm") and _git_root(root) is not None:
        repo.close()
        return _joined_to_git(home or root)
    return repo


def _joined_to_git(home: Path) -> Repo:
    """Have DVC know of a git repository that was made after it was set up: git must ignore what it tracks."""
    with Repo(str(home)) as repo, repo.config.edit("repo") as config:
        config["core"].pop("no_scm")
    return Repo(str(home))


def _set_up(root: Path, spec: _Spec) -> None:
    top = _git_root(root)
    with Repo.init(str(root), no_scm=top is None, subdir=top not in (None, root)) as repo:
        with repo.config.edit("repo") as config:
            config["core"]["analytics"] = False
            config["core"]["check_update"] = False
        with repo.config.edit("local") as config:  # for DVC's own command line, in this checkout only
            config["core"]["site_cache_dir"] = str(Path(spec["state"]) / "site")
    with (root / ".dvcignore").open("a", encoding="utf-8") as file:
        file.write("/.mlops\n")


def _git_root(root: Path) -> Path | None:
    try:
        return Path(SCM(str(root), search_parent_directories=True).root_dir)
    except Exception:  # noqa: BLE001 - each version of DVC has another error for "no repository"
        return None


def _track(repo: Repo, spec: _Spec) -> dict[str, Any]:
    stages = repo.add(spec["paths"])
    tracked = [
        {
            "path": os.path.relpath(out.fs_path, spec["root"]),
            "md5": out.hash_info.value,
            "pointer": os.path.relpath(stage.path, spec["root"]),
        }
        for stage in stages
        for out in stage.outs
    ]
    return {"tracked": tracked}


def _push(repo: Repo, spec: _Spec) -> dict[str, Any]:
    if spec["contents"] is not None:
        return _moved(repo, spec)
    return {"files": repo.push(spec["paths"] or None, remote=spec["remote"], jobs=spec["jobs"])}


def _pull(repo: Repo, spec: _Spec) -> dict[str, Any]:
    if spec["contents"] is not None:
        return _moved(repo, spec)
    told = repo.pull(spec["paths"] or None, remote=spec["remote"], jobs=spec["jobs"])
    return {"files": told["stats"]["fetched"]}


def _moved(repo: Repo, spec: _Spec) -> dict[str, Any]:
    """Move contents by their digests, folders with all that is in them.

    DVC's own way to a revision reads the remotes' names from that revision, where they may not be yet.
    """
    count = 0
    with repo.lock:
        for algorithm in sorted({pair[0] for pair in spec["contents"]}):
            wanted = [HashInfo(*pair) for pair in spec["contents"] if pair[0] == algorithm]
            remote = repo.cloud.get_remote_odb(spec["remote"], spec["verb"], hash_name=algorithm)
            cache = repo.cache.local if algorithm == "md5" else repo.cache.legacy
            ends = (cache, remote) if spec["verb"] == "push" else (remote, cache)
            result = transfer(*ends, wanted, jobs=spec["jobs"], verify=ends[0].verify, shallow=False)
            if result.failed:
                raise FileTransferError(len(result.failed))
            count += len(result.transferred)
    return {"files": count}


if __name__ == "__main__":
    main()
