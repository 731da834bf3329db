"""What trackers lack of past runs, sent at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.project import Project
from mlops.tracked.acknowledgement import Acknowledgement, acknowledged
from mlops.tracked.delivery import Delivery, deliver
from mlops.tracked.follower import open_runs
from mlops.tracked.subject import has_tracker, subject_or_none

__all__ = ["Synced", "sync"]


@dataclass(frozen=True)
class Synced:
    """What came of one run."""

    run: str
    state: str
    where: str = ""
    trouble: str = ""
    fix: str = ""

    def as_text(self) -> str:
        """Say it to a person."""
        if self.trouble:
            return f"{self.run}  not sent: {self.trouble}" + (f"\n  fix: {self.fix}" if self.fix else "")
        if self.state == "none":
            return f"{self.run}  has no tracker"
        return f"{self.run}  sent{'' if self.state == 'complete' else ' as far as it is'}: {self.where}"

    def to_json(self) -> dict[str, Any]:
        """Give the values that JSON can hold."""
        return dict(vars(self))


def sync(project: Project, folders: Sequence[Path] | None = None, *, again: bool = False) -> Iterator[Synced]:
    """Send runs to their trackers, the oldest first; a tracker that does not answer is tried once.

    Args:
        project: whose runs.
        folders: of runs; all those of which a tracker lacks something when None.
        again: send everything once more, as for a tracker that lost it.
    """
    silent: dict[str, Delivery] = {}
    for folder in _chosen(project, folders, again=again):
        if again:
            Acknowledgement().write(folder)
        yield _synced(project, folder, silent)


def _chosen(project: Project, folders: Sequence[Path] | None, *, again: bool) -> list[Path]:
    if folders is not None:
        return sorted(folders)
    if not again:
        return list(open_runs(project))
    runs = project.state / "runs"
    return sorted(folder for folder in runs.glob("[!.]*") if has_tracker(folder)) if runs.is_dir() else []


def _synced(project: Project, folder: Path, silent: dict[str, Delivery]) -> Synced:
    known = subject_or_none(project, folder)
    before = silent.get(known.destination) if known else None
    done = before or deliver(project, folder, known=known)
    if done.state == "unreachable":
        silent[done.destination] = done
    where = acknowledged(folder).where if done.state in {"complete", "going"} else ""
    return Synced(folder.name, done.state, where, done.trouble, done.fix)
