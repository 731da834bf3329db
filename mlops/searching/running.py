"""Carry a search out: the shared stages once, trials until there are enough, and each of them kept at once."""

from __future__ import annotations

import shlex
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from mlops.durable import locked
from mlops.errors import MlopsError, StageError
from mlops.masking import Mask
from mlops.outcome import Report, add_fragment, write_page
from mlops.plan import Plan, Selection
from mlops.recipe import Recipe
from mlops.record import RunFacts, RunRecord
from mlops.searching.hunt import Hunt
from mlops.searching.journal import Found
from mlops.searching.leaderboard import Leaderboard, fragment, ordered
from mlops.searching.trying import Objective
from mlops.searching.view import plan_text
from mlops.services.interruption import ended_by_signal
from mlops.services.searcher import SearchTask, Trial

__all__ = ["Carried", "SearchEnded", "settle"]

Carried = Callable[[Plan, RunRecord], Report]
"""Carries out a plan within a record, as any run is."""


class SearchEnded(MlopsError):
    """A search that was interrupted; what it found is kept."""

    exit_code = 130


def settle(
    hunt: Hunt, carried: Carried, *, out: TextIO, environment: Callable[[], dict[str, Any]], parent: str = ""
) -> Recipe:
    """Search until nothing is left to do, and give the recipe that goes on.

    Args:
        hunt: the search.
        carried: carries out the stages that all trials share.
        out: where the trials are listed.
        environment: tells where the search happens, for its record.
        parent: the sweep that the search is a part of.

    Raises:
        SearchEnded: it was interrupted.
        StageError: a shared stage failed, or every trial did.
    """
    found = hunt.journal.read()
    if not hunt.is_finished(found):
        waits = "search: another run is searching this; waiting for it\n"
        with locked(hunt.journal.lock, on_wait=lambda: out.write(waits)):
            found = hunt.journal.read()
            if not hunt.is_finished(found):
                found = _searched(hunt, carried, out=out, environment=environment, parent=parent)
    trials = tuple(trial.to_json() for trial in ordered(found))
    return replace(hunt.winner(found), pages={"search": fragment(hunt, found)}, trials=trials)


def _searched(
    hunt: Hunt, carried: Carried, *, out: TextIO, environment: Callable[[], dict[str, Any]], parent: str
) -> Found:
    recipe, mask = hunt.recipe, Mask(hunt.recipe.secrets)
    hunt.refuse_missing_libraries()
    found = hunt.journal.read()
    out.write(f"recipe {recipe.name}\n{mask(plan_text(hunt, found))}\n\n")
    facts = RunFacts(recipe.name, recipe.document, recipe.overrides, recipe.head.seed, parent=parent)
    with RunRecord.open(hunt.work.project.state / "runs", facts, mask=mask) as record:
        record.note(environment=environment(), search={"key": hunt.key})
        quest = _Quest(hunt, record, Leaderboard(hunt, out), time.time())
        try:
            with ended_by_signal():
                shared = quest.shared(carried)
                quest.search(shared)
        except KeyboardInterrupt as exc:
            record.finish("interrupted", error="the search was interrupted")
            raise quest.ended() from exc
        found = quest.closed()
        best = found.ranked
        if not best:
            record.finish("failed", error=quest.why_none())
            raise StageError(quest.why_none(), where=str(record.folder), fix="mend what the error says, and repeat")
        metrics = {"search.best": best[0].measured or 0.0, "search.trials": float(len(found.trials))}
        record.finish("done", metrics=metrics)
    quest.board.close(found, record)
    add_fragment(record.folder, "search", fragment(hunt, found))
    write_page(record.folder, hunt.work.store, shared)
    return found


@dataclass
class _Quest:
    """The search while it runs."""

    hunt: Hunt
    record: RunRecord
    board: Leaderboard
    began: float
    spent_before: float = 0.0
    trials: tuple[Trial, ...] = ()

    def shared(self, carried: Carried) -> Report:
        """Run the stages above all trials.

        Raises:
            StageError: one of them failed.
            KeyboardInterrupt: it was interrupted.
        """
        scope = self.hunt.scope
        plan = self.hunt.work.plan(self.hunt.recipe, Selection(end=self.hunt.searcher.until))
        steps = tuple(step for step in plan.steps if step.name in scope.shared)
        self.record.event("planned", steps=[step.to_json() for step in steps])
        report = carried(Plan(plan.recipe, steps, warnings=plan.warnings), self.record)
        if report.status == "interrupted":
            raise KeyboardInterrupt
        if report.status != "done":
            self.record.finish("failed", error=report.error)
            raise StageError(f"stage {report.failed} failed: {report.error}", where=str(self.record.folder / "log.txt"))
        return report

    def search(self, shared: Report) -> None:
        """Have the searcher make what trials are missing."""
        hunt, journal = self.hunt, self.hunt.journal
        found = journal.read()
        if found.is_hopeless:
            journal.start_over()
            found = Found()
        journal.begin({"recipe": hunt.recipe.name, "space": [item.to_json() for item in hunt.search.space]})
        self.spent_before, self.trials = found.spent, found.trials
        with tempfile.TemporaryDirectory(prefix="mlops-") as scratch:
            hunt.searcher.search(self._task(shared, found, Path(scratch)))

    def _task(self, shared: Report, found: Found, scratch: Path) -> SearchTask:
        hunt, searcher = self.hunt, self.hunt.searcher
        budget = searcher.budget
        until = next(section for section in hunt.recipe.sections if section.name == searcher.until)
        return SearchTask(
            space=hunt.search.space,
            objective=self._objective(shared),
            told=found.trials,
            trials=max(hunt.trials, len(found.trials)),
            tell=self.tell,
            seed=hunt.recipe.head.seed if searcher.seed is None else searcher.seed,
            deadline=None if budget is None else self.began + max(0.0, budget - self.spent_before),
            concurrency=searcher.concurrency,
            cpus=hunt.cpus,
            gpus=until.options.resources.gpus,
            scratch=scratch,
        )

    def _objective(self, shared: Report) -> Objective:
        hunt, searcher = self.hunt, self.hunt.searcher
        return Objective(
            project=hunt.work.project,
            overrides=hunt.recipe.overrides,
            tried=hunt.scope.tried,
            shared=tuple(shared.steps),
            until=searcher.until,
            metric=searcher.metric,
            maximize=searcher.mode == "max",
            watch=searcher.watch,
            parent=self.record.id,
            cpus=hunt.cpus,
        )

    def tell(self, trial: Trial) -> None:
        """Keep a finished trial."""
        mask = Mask(self.hunt.recipe.secrets)
        trial = replace(trial, error=mask(trial.error), values=mask.deep(trial.values))
        self.hunt.journal.tell(trial, spent=self.spent)
        self.trials = (*self.trials, trial)
        self.record.event("trial", **trial.to_json())
        self.board.told(trial, self.trials)

    @property
    def spent(self) -> float:
        """Seconds that the search has taken in all."""
        return self.spent_before + time.time() - self.began

    def closed(self) -> Found:
        """Write down that nothing is left to do."""
        found = self.hunt.journal.read()
        if found.ranked:
            self.hunt.journal.close(self.hunt.settings, spent=self.spent)
        return self.hunt.journal.read()

    def why_none(self) -> str:
        """Say why there is no best trial."""
        failed = [trial for trial in self.trials if trial.status == "failed"]
        if not failed:
            return "the budget was spent before any trial was done"
        return f"all {len(self.trials)} trials of the search failed; the first: {failed[0].error}"

    def ended(self) -> SearchEnded:
        """Say what is kept of an interrupted search."""
        words = " ".join(shlex.quote(word) for word in self.hunt.recipe.overrides)
        kept = f"{len(self.trials)} of {self.hunt.trials} trials are kept"
        return SearchEnded(
            f"the search was interrupted; {kept}",
            where=str(self.record.folder / "log.txt"),
            fix=f"to go on: mlops run {Mask(self.hunt.recipe.secrets)(words)}",
        )
