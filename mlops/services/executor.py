"""What an executor is: it runs one stage and says what came of it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops.errors import StageError
from mlops.formats.artifact import Artifact
from mlops.stage import Context, Part, Resources, Stage

__all__ = ["Call", "Cancellation", "Executor", "Lost", "Outcome", "collect", "folders_of"]


class Lost(StageError):
    """The place where a stage ran went away; that is no failure of the stage, and the runner runs it again."""


class Cancellation:
    """A person's wish that what is running end now; it may be asked for from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._endings: list[Callable[[], None]] = []
        self._asked = threading.Event()

    @property
    def asked(self) -> bool:
        """Whether everything is to end."""
        return self._asked.is_set()

    def ask(self) -> None:
        """End everything that runs, now; what begins later is ended at once."""
        with self._lock:
            self._asked.set()
            endings = list(self._endings)
        for end in endings:
            end()

    @contextmanager
    def ends(self, end: Callable[[], None]) -> Iterator[None]:
        """Have ``end`` called when the wish comes during the block; at once when it has come already."""
        with self._lock:
            self._endings.append(end)
            late = self.asked
        try:
            if late:
                end()
            yield
        finally:
            with self._lock:
                self._endings.remove(end)


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

    resources: Resources = field(default_factory=Resources)
    """What the section asks for; `Context.cpus` says how many threads the stage was given."""

    code: Mapping[str, str] = field(default_factory=dict)
    """Shown path of each source file → digest: what the stage's key says. Elsewhere it must be the same."""

    libraries: Mapping[str, str] = field(default_factory=dict)
    """Distribution → version: what the stage's key says. Elsewhere it must be the same."""

    alone: bool = True
    """Whether this process does nothing else meanwhile, so that the stage may run in it."""

    cancellation: Cancellation = field(default_factory=Cancellation)
    """Tells the executor to end the stage before it is done; `Executor.execute` then raises anything."""


@dataclass(frozen=True)
class Outcome:
    """What a stage made."""

    folders: Mapping[str, Path]
    """Output → folder, inside the context's folder, not committed yet."""

    peak_memory: int = 0
    """Largest resident memory while it ran, in bytes."""

    extra: Mapping[str, Any] = field(default_factory=dict)


class Executor(Part, ABC):
    """Runs stages. The runner calls `execute` once per attempt, holding the lock of the step's key.

    With more than one slot, `execute` is called from several threads at once, with ``alone`` false.
    """

    @abstractmethod
    def execute(self, call: Call) -> Outcome:
        """Run the stage of a call.

        Raises:
            StageError: the stage refused its data, took too long or died.
            Lost: the place where it ran went away; the runner tries again.
            Exception: whatever else the stage raised.
        """

    @abstractmethod
    def threads(self) -> int:
        """Say how many threads a stage may use when it does not ask for a number."""

    def elsewhere(self) -> bool:
        """Say whether stages run on other machines, so that what this one lacks is no reason to refuse them."""
        return False

    def slots(self) -> int:
        """Say how many stages may run at once."""
        return 1

    def fits(self, wanted: Resources, running: Sequence[Resources]) -> bool:  # noqa: ARG002 - for those that count
        """Say whether a stage may begin beside those that run; asked only while some run.

        Args:
            wanted: what the stage asks for.
            running: what those that run have asked for.
        """
        return len(running) < self.slots()

    def close(self) -> None:
        """Let go of everything that was started for the run; called once, when it has ended."""
        return


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
