"""Rows in batches through a bundle: read, check, score, write."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from mlops.errors import ProjectError, StageError
from mlops.formats.rowcheck import Checked, refusal
from mlops.formats.scorer import Scorer
from mlops.machine import cores
from mlops.prediction.finding import Found, find_bundle
from mlops.prediction.past import Histories
from mlops.prediction.reading import Dialect, Source, sources
from mlops.prediction.request import Request
from mlops.prediction.writing import Sink
from mlops.project import Project

__all__ = ["Predicted", "predict"]

_ROWS = 65_536
_NUMBERS = 8_000_000
"""Numbers of all tensors of a batch: what bounds the memory of wide models."""


@dataclass(frozen=True)
class Predicted:
    """What came of it."""

    rows: int
    bad: int
    """Rows that have a value which cannot be used."""

    seconds: float
    output: str
    origin: str
    """Where the bundle comes from."""

    @property
    def pace(self) -> float:
        """Rows a second."""
        return self.rows / max(self.seconds, 1e-9)


def predict(request: Request, project: Project, *, tell: Callable[[int, float], object]) -> Predicted:
    """Score a file, or many, into one.

    Args:
        request: what to read, with what, and where to write.
        project: where recipes and runs are looked for.
        tell: called after each batch with the rows done and the seconds since the start.

    Raises:
        ProjectError: there is no such model or file, or the output may not be written.
        StageError: a column is missing, or a value is bad and ``bad_rows`` is fail; nothing is written.
    """
    began = time.monotonic()
    dialect = Dialect(request.separator, request.null)
    files = sources(request.input, dialect)
    _refuse_output(request, files)
    found = find_bundle(project, request.model)
    work = _Work(request, files, found, found.bundle.scorer(threads=cores()), _histories(request, found, dialect))
    rows = bad = 0
    with Sink(Path(request.output).expanduser()) as sink:
        for frame, height, faulty in work.batches():
            sink.write(frame)
            rows, bad = rows + height, bad + faulty
            tell(rows, time.monotonic() - began)
    return Predicted(rows, bad, time.monotonic() - began, request.output, found.origin)


def _histories(request: Request, found: Found, dialect: Dialect) -> Histories:
    return Histories.read(found.bundle.signature.get("history", ()), request.history, dialect)


def _refuse_output(request: Request, files: Sequence[Source]) -> None:
    output = Path(request.output).expanduser()
    if any(output.exists() and output.samefile(source.path) for source in files):
        raise ProjectError(f"the output {output} is also an input", fix="give another output")
    if output.is_dir():
        raise ProjectError(f"the output {output} is a folder", fix=f"name a file, such as {output}/predictions.csv")
    if output.exists() and not request.overwrite:
        raise ProjectError(f"the output {output} exists", fix="say overwrite=true, or give another output")


@dataclass(frozen=True)
class _Work:
    request: Request
    files: Sequence[Source]
    found: Found
    scorer: Scorer
    histories: Histories

    def batches(self) -> Iterator[tuple[pl.DataFrame, int, int]]:
        """Yield what to write, the rows it stands for, and how many of them are bad."""
        size = self.request.batch or max(1, min(_ROWS, _NUMBERS // max(1, self.scorer.width)))
        given = [name for name in self.scorer.columns if name not in self.histories.made]
        columns = tuple(dict.fromkeys((*given, *self.histories.columns, *self.request.keep)))
        before = 0
        for source in self.files:
            first = 1
            for frame in source.batches(columns, rows=size):
                yield self._scored(frame, source, first=first, before=before)
                first += frame.height
                before += frame.height

    def _scored(self, frame: pl.DataFrame, source: Source, *, first: int, before: int) -> tuple[pl.DataFrame, int, int]:
        kept = self._kept(frame, source)
        checked = self._checked(frame, source)
        if checked.faults and self.request.bad_rows == "fail":
            raise refusal(checked, first=first, where=source.path)
        made = self.scorer.predictions(checked, errors=self.request.bad_rows == "keep")
        made = kept.hstack(made) if self.request.keep else made
        bad = checked.bad_rows()
        if self.request.bad_rows == "skip":
            rows = pl.int_range(before + 1, before + frame.height + 1, eager=True).alias("row")
            made = made.insert_column(0, rows).filter(pl.Series(~bad))
        return made, frame.height, int(bad.sum())

    def _checked(self, frame: pl.DataFrame, source: Source) -> Checked:
        try:
            rows = frame.drop(self.histories.made, strict=False)
            return self.scorer.checked(self.histories.beside(rows), text=source.is_text)
        except StageError as exc:
            raise StageError(exc.what, where=exc.where or source.path, fix=self._hint(exc.fix)) from exc

    def _hint(self, fix: str) -> str:
        """Add how columns of a history are had."""
        lacking = [spec["name"] for spec in self.found.bundle.signature.get("history", ())]
        lacking = [name for name in lacking if name not in self.request.history]
        return "; or ".join([fix, *(f"give history.{name}=FILE, from which columns are computed" for name in lacking)])

    def _kept(self, frame: pl.DataFrame, source: Source) -> pl.DataFrame:
        for name in self.request.keep:
            if name not in frame.columns:
                near = get_close_matches(name, frame.columns, n=1)
                fix = f"did you mean keep={near[0]}?" if near else "name columns of the file in keep=…"
                raise ProjectError(f"there is no column {name!r} to keep", where=source.path, fix=fix)
            if name in self._reserved():
                raise ProjectError(
                    f"the column {name!r} to keep has the name of a prediction", fix="leave it out of keep"
                )
        return frame.select(self.request.keep)

    def _reserved(self) -> tuple[str, ...]:
        return (*self.scorer.outputs, "error", "row")
