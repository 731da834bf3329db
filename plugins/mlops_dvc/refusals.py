"""DVC's errors in words that say what, where and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["refusal"]

_OWN = "keep it (mlops data track PATH) or remove it, then pull"

_UNSAVED = "unsaved files"
"""DVC says so in an error that has no class of its own."""

_FIXES = {
    "LockError": "another DVC command is at work here; wait for it to end and run this again",
    "NoRemoteError": "name one: dvc remote add --default NAME URL   (a folder will do)",
    "OutputAlreadyTrackedError": "let go of it in git first: git rm -r --cached PATH && git commit",
    "NotDvcRepoError": "track something first: mlops data track PATH",
    "RemoteNotFoundError": "dvc remote list says what there is; dvc remote add NAME URL makes one",
    "ConfirmRemoveError": _OWN,
    "OverlappingOutputPathsError": "track the folder or the file in it, not both",
    "OutputDuplicationError": "another file of DVC's tracks it already; leave it to that one",
    "NoOutputOrStageError": "nothing tracks this path; mlops data track PATH begins to",
    "OutputNotFoundError": "nothing tracks this path; mlops data track PATH begins to",
    "StagePathAsOutputError": "name the data rather than DVC's own file",
    "UploadError": "see what DVC says above; is the remote there and writable? (dvc remote list)",
    "DownloadError": "see what DVC says above; did somebody push it? where it is: mlops data push PATH",
    "CheckoutError": "its content is neither in the cache nor in the remote; where it is: mlops data push PATH",
    "InitError": "git must not ignore the folder .dvc; add !.dvc to .gitignore",
}
_WHAT = {
    "LockError": "DVC's lock is held by another process",
    "ConfirmRemoveError": "PATH has content that was never tracked, which pulling would overwrite",
}


def refusal(exc: BaseException, spec: Mapping[str, Any]) -> dict[str, str]:
    """Give what, where and fix of an error."""
    kinds = [kind.__name__ for error in _chain(exc) for kind in type(error).__mro__]
    known = "ConfirmRemoveError" if _UNSAVED in str(exc) else next((kind for kind in kinds if kind in _FIXES), "")
    where = ", ".join(spec["paths"]) or str(spec["root"])
    path = spec["paths"][0] if len(spec["paths"]) == 1 else "PATH"
    what = _WHAT.get(known, f"DVC cannot {spec['verb']}: {_first_line(exc)}").replace("PATH", path)
    return {"what": what, "where": where, "fix": _FIXES.get(known, "").replace("PATH", path)}


def _chain(exc: BaseException) -> list[BaseException]:
    found = [exc]
    while (inner := found[-1].__cause__ or found[-1].__context__) is not None and inner not in found:
        found.append(inner)
    return found


def _first_line(exc: BaseException) -> str:
    lines = str(exc).strip().splitlines()
    return lines[0].rstrip(".:") if lines else type(exc).__name__
