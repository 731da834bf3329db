"""The contract of every executor; subclass `ExecutorContract` in a test module to check your own. Needs pytest."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from mlops.errors import StageError
from mlops.plan.wiring import ports
from mlops.plugins import Plugins
from mlops.services.executor import Call, Cancellation, Executor, Outcome, collect
from mlops.stage import Context, Resources, Stage

__all__ = ["ExecutorContract", "Trial"]

_PLUGIN = """
from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

from mlops.errors import StageError
from mlops.formats.artifact import Artifact, write_json
from mlops.stage import Context, Part, Stage


class Note(Artifact):
    format = "note"


class Both(NamedTuple):
    note: Note
    other: Note


class Probe(Stage):
    value: int = 1
    seconds: float = 0.0
    fail: str = ""

    def run(self, note: Note, *, context: Context) -> Both:
        context.log.info("begun with %d threads", context.cpus)
        context.metric("value", self.value, step=3)
        context.audit("probed", "contract", value=self.value)
        context.progress(1, 2, "half way")
        Path(context.folder, "begun").touch()
        if self.fail == "refuse":
            raise StageError("these data will not do", where="row 7", fix="other data")
        if self.fail == "crash":
            raise ZeroDivisionError("by zero")
        if self.fail == "die":
            os._exit(7)
        time.sleep(self.seconds)
        known = note.read_json("a/note.json")
        for name, extra in (("note", 0), ("other", 1)):
            folder = context.output(name)
            (folder / "a").mkdir()
            write_json(folder / "a" / "note.json", [known, self.value + extra, context.seed])
            (folder / "large.bin").write_bytes(bytes(range(256)) * 100_000)
        return Both(Note(context.folder / "note"), Note(context.folder / "other"))
"""


@dataclass
class Trial:
    """A small project, and what its stage says while it runs."""

    root: Path
    package: str = field(default_factory=lambda: f"contract_{secrets.token_hex(4)}")
    said: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.root / "plugins").mkdir(parents=True)
        (self.root / "plugins" / f"{self.package}.py").write_text(_PLUGIN)

    def call(self, name: str = "one", *, cpus: int = 1, **parameters: Any) -> Call:
        """Make a call of the stage ``Probe``, with a work folder of its own."""
        target = f"{self.package}.Probe"
        kind = Plugins(self.root / "plugins").resolve(target, Stage)
        stage = kind.model_validate(parameters)
        assert isinstance(stage, Stage)
        found = ports(kind)
        work = self.root / name
        work.mkdir()
        return Call(
            stage=stage,
            target=target,
            parameters=parameters,
            inputs={"note": found.inputs["note"](self.given())},
            outputs=found.outputs,
            context=self._context(work, cpus),
            plugins=self.root / "plugins",
            resources=Resources(cpus=cpus),
        )

    def given(self) -> Path:
        """Give the folder of the stage's input."""
        folder = self.root / "given"
        if not folder.exists():
            (folder / "a").mkdir(parents=True)
            (folder / "a" / "note.json").write_text('"given"\n')
        return folder

    def _context(self, work: Path, cpus: int) -> Context:
        log = logging.getLogger(f"mlops.stage.{self.package}")
        log.setLevel(logging.DEBUG)
        log.handlers = [_Listener(self.said)]
        log.propagate = False
        return Context(
            folder=work,
            seed=11,
            cpus=cpus,
            log=log,
            on_metric=lambda *values: self.said.append(("metric", *values)),
            on_progress=lambda *values: self.said.append(("progress", *values)),
            on_audit=lambda action, subject, facts: self.said.append(("audit", action, subject, dict(facts))),
        )

    def forget(self) -> None:
        """Let go of the stage's module."""
        sys.modules.pop(self.package, None)
        plugins = str(self.root / "plugins")
        sys.path[:] = [entry for entry in sys.path if entry != plugins]


class _Listener(logging.Handler):
    def __init__(self, said: list[Any]) -> None:
        super().__init__()
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(("log", record.levelno, record.getMessage()))


class ExecutorContract(ABC):
    """What the runner relies on in an executor. pytest collects the tests of a subclass called ``Test…``.

    class TestLocal(ExecutorContract):
        @classmethod
        def make(cls): return Local(cpus=1)
    """

    alone = True
    """Whether calls say that nothing else runs in this process; false for executors with several slots."""

    @classmethod
    @abstractmethod
    def make(cls) -> Executor:
        """Make the executor to test."""

    @pytest.fixture(scope="class")
    @classmethod
    def executor(cls) -> Iterator[Executor]:
        """One executor for all tests, closed at the end."""
        made = cls.make()
        yield made
        made.close()
        made.close()

    @pytest.fixture
    def trial(self, tmp_path: Path) -> Iterator[Trial]:
        """A small project."""
        made = Trial(tmp_path / "project")
        yield made
        made.forget()

    def run(self, executor: Executor, call: Call) -> Outcome:
        """Execute a call as the runner would."""
        return executor.execute(replace(call, alone=self.alone))

    def test_it_says_how_much_it_can_do(self, executor: Executor) -> None:
        """Threads and slots are numbers of at least one, and a stage beside one that waits for nothing fits or not."""
        assert executor.threads() >= 1
        assert executor.slots() >= 1
        assert not executor.fits(Resources(), [Resources()] * executor.slots())

    def test_it_gives_the_bytes_that_the_stage_gives_right_here(self, executor: Executor, trial: Trial) -> None:
        """Every output is there, in the call's work folder, and equal to what was made without an executor."""
        outcome = self.run(executor, trial.call())
        plain = trial.call("plain")
        expected = collect(plain)
        assert list(outcome.folders) == list(expected)
        for name, folder in outcome.folders.items():
            assert folder.is_relative_to(trial.root / "one")
            assert _bytes_of(folder) == _bytes_of(expected[name]), f"{name} differs"

    def test_what_the_stage_says_arrives(self, executor: Executor, trial: Trial) -> None:
        """Metrics, log lines, deeds and progress come back, with the threads that the call gives."""
        self.run(executor, trial.call(value=5))
        assert ("metric", "value", 5.0, 3) in trial.said
        assert ("audit", "probed", "contract", {"value": 5}) in trial.said
        assert ("log", logging.INFO, "begun with 1 threads") in trial.said
        assert any(item[0] == "progress" for item in trial.said)

    def test_a_refusal_arrives_with_its_place_and_fix(self, executor: Executor, trial: Trial) -> None:
        """A stage that refuses its data is a StageError, in its own words."""
        with pytest.raises(StageError, match="these data will not do") as caught:
            self.run(executor, trial.call(fail="refuse"))
        assert (caught.value.where, caught.value.fix) == ("row 7", "other data")

    def test_an_error_of_the_stage_is_named(self, executor: Executor, trial: Trial) -> None:
        """Whatever else a stage raises can be told from the error."""
        with pytest.raises(Exception, match="by zero"):
            self.run(executor, trial.call(fail="crash"))

    def test_it_can_be_used_again_after_a_failure(self, executor: Executor, trial: Trial) -> None:
        """One stage that fails spoils nothing."""
        with pytest.raises(StageError, match="will not do"):
            self.run(executor, trial.call("bad", fail="refuse"))
        assert self.run(executor, trial.call("good")).folders

    def test_a_stage_that_takes_too_long_is_ended(self, executor: Executor, trial: Trial) -> None:
        """With a timeout, the error says so."""
        with pytest.raises(StageError, match="longer than its timeout"):
            self.run(executor, replace(trial.call(seconds=60), timeout=1.0))

    def test_several_stages_at_once_do_not_mix(self, executor: Executor, trial: Trial) -> None:
        """As many as there are slots (two at most here), each with its own result."""
        count = min(2, executor.slots())
        calls = [trial.call(f"at once {number}", value=number) for number in range(count)]
        with ThreadPoolExecutor(count) as pool:
            outcomes = list(pool.map(lambda call: self.run(executor, call), calls))
        for number, outcome in enumerate(outcomes):
            assert json.loads((outcome.folders["note"] / "a" / "note.json").read_text()) == ["given", number, 11]

    def test_a_stage_that_is_not_alone_can_be_cancelled(self, executor: Executor, trial: Trial) -> None:
        """A wish to end ends it long before it is done, also one that came before it began."""
        if executor.slots() == 1:
            pytest.skip("with one slot a stage may run in this process, where Ctrl-C reaches it")
        wish = Cancellation()
        call = replace(trial.call(seconds=60), cancellation=wish)
        threading.Thread(target=_ask_when_begun, args=(wish, trial)).start()
        began = time.monotonic()
        with pytest.raises(StageError):
            self.run(executor, call)
        assert time.monotonic() - began < 50


def _ask_when_begun(wish: Cancellation, trial: Trial) -> None:
    deadline = time.monotonic() + 40
    while not any(item[0] == "log" for item in trial.said) and time.monotonic() < deadline:
        time.sleep(0.05)
    wish.ask()


def _bytes_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.blake2b(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
