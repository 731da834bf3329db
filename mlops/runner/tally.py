"""What came of the steps so far, in whatever order they end; the report has them in the plan's."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlops.outcome import Report
from mlops.plan.model import Plan, Step
from mlops.tracking import StepResult, Watcher

__all__ = ["Tally"]


@dataclass
class Tally:
    """Collects results, tells the watcher, and makes the report."""

    plan: Plan
    watch: Watcher
    results: dict[str, StepResult] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    """Stage → what went wrong, the first one first."""

    stopped: bool = False
    """Whether a person or a signal ended the run."""

    @property
    def going_well(self) -> bool:
        """Whether another step may begin."""
        return not self.errors and not self.stopped

    def done(self, result: StepResult) -> None:
        """Take the result of a step."""
        self.results[result.stage] = result
        self.watch.step_finished(result)

    def failed(self, step: Step, error: str) -> None:
        """Take a step that failed."""
        self.errors[step.name] = error
        self.done(StepResult(step.name, "failed", step.reasons))

    def interrupted(self, step: Step) -> None:
        """Take a step that was ended before it was done."""
        self.stopped = True
        self.done(StepResult(step.name, "interrupted", step.reasons))

    def report(self) -> Report:
        """Say what came of the plan; steps that never began were skipped."""
        for step in self.plan.steps:
            if step.name not in self.results:
                self.done(StepResult(step.name, "skipped", step.reasons))
        report = Report(steps=[self.results[step.name] for step in self.plan.steps])
        broken = [result.stage for result in report.steps if result.action == "interrupted"]
        if self.errors:
            (report.failed, error), *others = self.errors.items()
            report.status = "failed"
            report.error = "\n".join([error, *(f"also failed: stage {name}: {text}" for name, text in others)])
        elif self.stopped:
            report.status = "interrupted"
            report.failed = ", ".join(broken) or next(r.stage for r in report.steps if r.action == "skipped")
            report.error = "the run was interrupted"
        return report
