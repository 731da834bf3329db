"""A reproduction as people read it."""

from __future__ import annotations

from collections.abc import Sequence

from mlops.reproduction.model import Compared, Left, Reproduction, Setting
from mlops.run_reading import Run
from mlops.text import table

__all__ = ["render", "render_changes"]

_MOST = 12
_BRIEF = 12


def render_changes(run: Run, changed: Sequence[Setting], left: Sequence[Left], *, commit: str) -> str:
    """Say, before anything runs, what is not as it was and what will not be replayed."""
    where = f"with the files of commit {commit[:_BRIEF]}" if commit else "with the files as they are now"
    lines = [f"run {run.id} of {run.recipe}, {where}"]
    if (run.environment.get("git") or {}).get("dirty") and commit:
        lines.append("it was made with changes that were never committed")
    if changed:
        lines.append(f"not as it was then ({len(changed)}):")
        lines += [f"  {item}" for item in changed[:_MOST]]
        lines += [f"  and {len(changed) - _MOST} more"] * (len(changed) > _MOST)
    if not commit and any(item.kind == "code" for item in changed):
        lines.append(f"  to replay the code of that time: mlops reproduce {run.id} --at-commit")
    lines += [f"left out: {item.stage} ({item.why})" for item in left]
    return "\n".join(lines) + "\n\n"


def render(found: Reproduction) -> str:
    """Draw the comparison, with a closing line that says whether all is equal."""
    lines = [_drawn(found.compared)] if found.compared else []
    if found.error:
        lines.append(f"the replay failed: {found.error}")
    lines.append(_closing(found))
    if found.kept:
        lines.append(f"kept in {found.kept}")
    return "\n\n".join(lines)


def _drawn(compared: Sequence[Compared]) -> str:
    rows = []
    for stage in dict.fromkeys(item.stage for item in compared):
        own = [item for item in compared if item.stage == stage]
        rows += [(stage, item.name, _result(item)) for item in own if item.kind == "output"]
        rows += _metrics(stage, [item for item in own if item.kind == "metric"])
    return table(("stage", "output", "result"), rows)


def _result(item: Compared) -> str:
    return f"equal  {item.was[:_BRIEF]}" if item.equal else f"differs: {item.difference}"


def _metrics(stage: str, metrics: Sequence[Compared]) -> list[tuple[str, str, str]]:
    """Name each metric that differs; count the others."""
    rows = [(stage, item.name, f"{item.was} → {item.now} ({item.difference})") for item in metrics if not item.equal]
    same = sum(item.equal for item in metrics)
    return rows + [(stage, f"{same} {'metric' if same == 1 else 'metrics'}", "equal")] * bool(same)


def _closing(found: Reproduction) -> str:
    outputs = [item for item in found.compared if item.kind == "output"]
    metrics = [item for item in found.compared if item.kind == "metric"]
    told = f"{_share(outputs, 'output')} and {_share(metrics, 'metric')} equal"
    if found.equal:
        return f"reproduced bit for bit: {told}"
    first = next((f"; the first difference is in {i.stage}.{i.name}" for i in found.compared if not i.equal), "")
    return f"not reproduced: {told}{first}"


def _share(items: Sequence[Compared], word: str) -> str:
    return f"{sum(item.equal for item in items)} of {len(items)} {word}s"
