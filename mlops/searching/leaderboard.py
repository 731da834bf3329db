"""The trials of a search, the best first: as lines while it runs, a table at its end, and part of a report."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from mlops.durable import write_hint
from mlops.masking import Mask
from mlops.record import RunRecord
from mlops.searching.hunt import Hunt
from mlops.searching.journal import Found
from mlops.services.searcher import Trial
from mlops.text import duration, table

__all__ = ["Leaderboard", "fragment", "ordered", "rows", "values_text"]

_SHOWN = 10
_DIGITS = 6


@dataclass
class Leaderboard:
    """Tells of trials as they come."""

    hunt: Hunt
    out: TextIO
    _mask: Mask = field(init=False)

    def __post_init__(self) -> None:
        self._mask = Mask(self.hunt.recipe.secrets)

    def told(self, trial: Trial, trials: Sequence[Trial]) -> None:
        """Write one line for a finished trial."""
        best = Found(tuple(trials)).ranked
        crown = " *" if best and best[0].number == trial.number else ""
        count = f"trial {trial.number + 1} of {self.hunt.trials}"
        self._say(f"{count}: {_result(trial)}{crown}  {values_text(trial.values)}  ({duration(trial.seconds)})")

    def close(self, found: Found, record: RunRecord) -> None:
        """Write the table, and keep it beside the record."""
        count = len(found.trials)
        self._say(f"\nsearch: {count} {'trial' if count == 1 else 'trials'} in {duration(found.spent)}")
        self._say(table(("rank", "trial", _metric(self.hunt), "took", "values"), rows(found)[:_SHOWN]) + "\n")
        data = json.dumps([trial.to_json() for trial in ordered(found)], ensure_ascii=False)
        write_hint(record.folder / "leaderboard.json", data.encode() + b"\n")

    def _say(self, text: str) -> None:
        self.out.write(self._mask(text) + "\n")
        self.out.flush()


def _metric(hunt: Hunt) -> str:
    return hunt.searcher.metric or f"{hunt.searcher.until}.validation loss"


def ordered(found: Found) -> list[Trial]:
    """List the trials, the best first, those without a score last."""
    ranked = found.ranked
    return [*ranked, *(trial for trial in found.trials if trial not in ranked)]


def rows(found: Found) -> list[tuple[str, str, str, str, str]]:
    """Give the lines of the table: rank, number, result, duration, values."""
    ranked = len(found.ranked)
    return [
        (
            str(place) if place <= ranked else "–",
            str(trial.number + 1),
            _result(trial),
            duration(trial.seconds),
            values_text(trial.values),
        )
        for place, trial in enumerate(ordered(found), start=1)
    ]


def _result(trial: Trial) -> str:
    if trial.status == "done" and trial.measured is not None:
        return f"{trial.measured:.{_DIGITS}g}"
    first = trial.error.splitlines()[0] if trial.error else ""
    return f"{trial.status}: {first}" if first else trial.status


def values_text(values: Mapping[str, Any]) -> str:
    """Write values as overrides, numbers shortened."""
    return " ".join(f"{key}={_short(value)}" for key, value in values.items())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


def fragment(hunt: Hunt, found: Found) -> str:
    """Draw the table as part of a page."""
    head = "".join(f"<th>{html.escape(word)}</th>" for word in ("rank", "trial", _metric(hunt), "took", "values"))
    mask = Mask(hunt.recipe.secrets)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(mask(cell))}</td>" for cell in row) + "</tr>" for row in rows(found)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
