"""What a gate is: one rule that a model must satisfy before it may be registered."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from mlops.formats.bundle import Bundle
from mlops.formats.evaluation import Evaluation
from mlops.formats.splits import Splits
from mlops.services.registry import ModelVersion
from mlops.stage import Context, Part

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Champion", "Evidence", "Finding", "Gate", "Mode"]


def _word(value: Any) -> Any:
    """Read the bare word off, which YAML takes for false."""
    return "off" if value is False else value


Mode = Annotated[Literal["off", "warn", "enforce"], BeforeValidator(_word)]
"""off: not looked at; warn: said, and the model goes on; enforce: the run ends."""


@dataclass(frozen=True)
class Finding:
    """What a gate found."""

    passed: bool
    sentence: str
    """What was found, against what was asked; it is kept, so the same work must give the same words."""

    value: float | None = None
    """The number that was judged; None where there is none, or where it differs from run to run."""

    bound: float | None = None
    """What the number was held against."""

    aside: str = ""
    """What differs from run to run, such as a time; said and not kept."""

    fix: str = ""
    """How to satisfy the gate, or to let a model pass that does not."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    """Numbers for the record of the run; they may differ from run to run."""

    details: tuple[Mapping[str, Any], ...] = ()
    """Rows of a small table: what the gate looked at one by one; kept, equal keys in each."""


@dataclass(frozen=True)
class Champion:
    """The version that others must beat."""

    version: ModelVersion
    bundle: Bundle


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a gate may look at."""

    bundle: Bundle
    splits: Splits
    evaluation: Evaluation
    champion: Champion | None
    """None when there is none yet, or when no gate of the recipe compares."""

    context: Context

    @cached_property
    def rows(self) -> pl.DataFrame:
        """The raw test rows, target and all."""
        return self.splits.read("test")

    def predict(self, bundle: Bundle) -> pl.DataFrame:
        """Score the test rows with a bundle.

        Returns:
            ``label`` and one ``score_<class>`` a class, or ``prediction``; then ``refused``: true for rows
            that the bundle's contract forbids, whose bad values count as missing here.

        Raises:
            StageError: a column that the bundle needs is not there.
        """
        import polars as pl

        scorer = bundle.scorer(threads=self.context.cpus)
        checked = scorer.checked(self.rows)
        refused = pl.Series("refused", checked.bad_rows(), dtype=pl.Boolean)
        return scorer.predictions(checked).with_columns(refused)

    @cached_property
    def predictions(self) -> pl.DataFrame:
        """What the candidate says of the test rows; see `predict`."""
        return self.predict(self.bundle)


class Gate(Part, ABC):
    """One rule. The stage ``gates`` calls `judge` of each gate that is not off, in the recipe's order."""

    compares: ClassVar[bool] = False
    """Whether it looks at the champion; a verdict then holds only as long as that champion does."""

    mode: Mode = "enforce"
    """off: not looked at; warn: said, and the model goes on; enforce: a model that fails ends the run."""

    @abstractmethod
    def judge(self, evidence: Evidence) -> Finding:
        """Look at the evidence and say whether the model may go on.

        Must give the same finding whenever the evidence is the same, but for `Finding.aside` and
        `Finding.metrics`.

        Raises:
            StageError: the rule makes no sense here, such as a metric that was not measured.
        """
