"""What an executor is: it runs one stage and says what came of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops.formats.artifact import Artifact
from mlops.stage import Context, Part, Stage

__all__ = ["Call", "Executor", "Outcome", "collect", "folders_of"]


@dataclass(frozen=True)
class Call:
    """One stage to run, with everything it needs."""

    stage: Stage
    target: str
    parameters: Mapping[str, Any]
    """The section's own keys with references resolved, for executors that build the stage elsewhere."""

    inputs: Mapping[str, Artifact]
    outputs: Mapping[str, type[Artifact]]
    context: Context
    plugins: Path
    """The project's plugins/."""

    timeout: float | None = None
    """Seconds after which the stage is ended."""


@dataclass(frozen=True)
class Outcome:
    """What a stage made."""

    folders: Mapping[str, Path]
    """Output → folder, inside the context's folder, not committed yet."""

    peak_memory: int = 0
    """Largest resident memory while it ran, in bytes."""

    extra: Mapping[str, Any] = field(default_factory=dict)


class Executor(Part, ABC):
    """Runs stages. The runner calls `execute` once per attempt, holding the lock of the step's key."""

    @abstractmethod
    def execute(self, call: Call) -> Outcome:
        """Run the stage of a call.

        Raises:
            StageError: the stage refused its data, took too long or died.
            Exception: whatever else the stage raised.
        """

    @abstractmethod
    def threads(self) -> int:
        """Say how many threads a stage may use when it does not ask for a number."""


def folders_of(made: Any, call: Call) -> dict[str, Path]:
    """Name the folders of what ``run`` returned, and see that it is what the stage declares.

    Raises:
        TypeError: something else was returned.
    """
    names = list(call.outputs)
    values = list(made) if len(names) > 1 or isinstance(made, tuple) else [made]
    if len(values) != len(names):
        raise TypeError(
            f"{call.target}.run returned {len(values)} outputs, it declares {len(names)}: {', '.join(names)}"
        )
    for name, value in zip(names, values, strict=True):
        if not isinstance(value, call.outputs[name]):
            wanted = call.outputs[name].__name__
            raise TypeError(f"{call.target}.run returned a {type(value).__name__} as {name!r}, it declares a {wanted}")
    return {name: value.folder for name, value in zip(names, values, strict=True)}


def collect(call: Call) -> dict[str, Path]:
    """Run the stage of a call right here, and name the folders of what it made."""
    made = call.stage.run(**call.inputs, context=call.context)
    return folders_of(made, call)
