"""Training in several processes: the same result as in one, and no process is left behind."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops.errors import StageError
from mlops.formats.features import Prepared
from mlops.stage import Context, Machine
from mlops.testing import make_context
from mlops.testing.prepared import make_prepared
from mlops_lightning.mlp import MLP
from tests.toy_project import Ended, Toy

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

FAMILY = '''
from __future__ import annotations

import os
import signal
import time

from mlops_lightning.mlp import MLP


class Troubled(MLP):
    """A network with trouble in the second process."""

    trouble: str = "none"
    """Which."""

    def network(self, facts, statistics):
        network = super().network(facts, statistics)
        network.register_forward_pre_hook(lambda module, given: self.meet(module, given[0]))
        return network

    def meet(self, module, rows):
        import torch

        if not module.training or (self.trouble != "slow" and os.environ.get("RANK") != "1"):
            return
        if self.trouble == "raise":
            raise ValueError("the second process does not like these rows")
        if self.trouble == "die":
            print("its last words", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        if self.trouble == "memory" and len(rows) > 8:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        if self.trouble == "slow":
            time.sleep(0.05)
        if self.trouble == "once":
            self.end_once(module)

    def end_once(self, module):
        """In the third epoch, if never before."""
        module.calls = getattr(module, "calls", 0) + 1
        if module.calls > 11 and not os.path.exists(os.environ["MARK"]):
            open(os.environ["MARK"], "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
'''


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    return make_prepared(tmp_path / "prepared", "binary", rows=133)


@pytest.fixture
def troubled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], MLP]]:
    """Makes a network with a trouble of that name."""
    (tmp_path / "family").mkdir()
    (tmp_path / "family" / "troubled_family.py").write_text(FAMILY)
    monkeypatch.syspath_prepend(str(tmp_path / "family"))
    family: Any = importlib.import_module("troubled_family").Troubled
    yield lambda trouble: family.model_validate({**options(devices=2), "trouble": trouble})
    del sys.modules["troubled_family"]


def options(*, devices: int) -> dict[str, Any]:
    return {"hidden": [8], "dropout": 0.0, "epochs": 3, "batch_size": 32, "hardware": {"devices": devices}}


def here(folder: Path) -> Context:
    return replace(make_context(folder, seed=3, cpus=2), machine=Machine(cpus=2, memory=2**33))


def children(parent: int) -> list[int]:
    """Processes that a process started and that still run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[1]) == parent and words[0] != "Z":
            found.append(int(folder.name))
    return found


def ranks_of(parent: int) -> list[int]:
    return [pid for pid in children(parent) if b"mlops_lightning.rank" in (Path(f"/proc/{pid}/cmdline")).read_bytes()]


def until(condition: Callable[[], Any], *, seconds: float = 120) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail("it did not happen in time")


def scores(prepared: Prepared, folder: Path, **fields: Any) -> Any:
    """Fit with the options of `options` and some more, and score the test rows."""
    model = MLP.model_validate({**options(devices=1), **fields})
    return model.fit(prepared, context=here(folder)).predict(prepared.matrix("test"))


def test_two_processes_learn_what_one_does(prepared: Prepared, tmp_path: Path) -> None:
    alone = scores(prepared, tmp_path / "alone")
    together = scores(prepared, tmp_path / "together", hardware={"devices": 2})
    assert np.abs(alone - together).max() < 1e-5


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_weights_that_are_spread_over_processes_learn_what_one_does(prepared: Prepared, tmp_path: Path) -> None:
    more = {"average": "ema", "average_decay": 0.9, "clip": 0.5, "hidden": [8, 7]}
    alone = scores(prepared, tmp_path / "alone", **more)
    together = scores(prepared, tmp_path / "together", **more, hardware={"devices": 2, "strategy": "fsdp"})
    assert np.abs(alone - together).max() < 1e-5


@LINUX
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_spread_weights_go_on_from_the_checkpoint_of_killed_processes(
    prepared: Prepared,
    tmp_path: Path,
    troubled: Callable[[str], MLP],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hardware = {"devices": 2, "strategy": "fsdp"}
    fields = {"average": "ema", "dropout": 0.3, "hardware": hardware, "checkpoint": {"every_epochs": 1}}
    model = type(troubled("once")).model_validate({**options(devices=2), "trouble": "once", **fields})
    monkeypatch.setenv("MARK", str(tmp_path / "killed"))
    context = replace(here(tmp_path / "work"), resume=tmp_path / "resume")
    with pytest.raises(StageError, match="was ended by SIGKILL"):
        model.fit(prepared, context=context)
    with caplog.at_level("INFO"):
        again = replace(here(tmp_path / "again"), resume=tmp_path / "resume")
        resumed = model.fit(prepared, context=again).predict(prepared.matrix("test"))
    assert "goes on from the checkpoint of epoch 2" in caplog.text
    alone = model.fit(prepared, context=here(tmp_path / "alone")).predict(prepared.matrix("test"))
    assert (resumed == alone).all()


@LINUX
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_fails_in_one_process_ends_all_and_is_told(
    prepared: Prepared, tmp_path: Path, troubled: Callable[[str], MLP]
) -> None:
    with pytest.raises(StageError, match="rank 1 of 2: ValueError: the second process does not like") as caught:
        troubled("raise").fit(prepared, context=here(tmp_path / "work"))
    assert "in meet" in str(caught.value)
    assert ranks_of(os.getpid()) == []


@LINUX
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_process_ends_all_and_its_last_words_are_told(
    prepared: Prepared, tmp_path: Path, troubled: Callable[[str], MLP]
) -> None:
    with pytest.raises(StageError, match=r"rank 1 of 2: its process was ended by SIGKILL[^/]*its last words"):
        troubled("die").fit(prepared, context=here(tmp_path / "work"))
    assert ranks_of(os.getpid()) == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_memory_that_runs_out_in_one_process_halves_the_rows_of_all(
    prepared: Prepared, tmp_path: Path, troubled: Callable[[str], MLP], caplog: pytest.LogCaptureFixture
) -> None:
    found = [
        troubled(trouble).fit(prepared, context=here(tmp_path / trouble)).predict(prepared.matrix("test"))
        for trouble in ("none", "memory")
    ]
    assert "going on with 8 rows at a time, 2 times in each step of 32" in caplog.text
    assert np.abs(found[0] - found[1]).max() < 1e-5


PROJECT = {
    "plugins/marks.py": '''
import os

from mlops.formats import Table
from mlops.stage import Context, Stage


class Mark(Stage):
    """Leave a mark each time it runs."""

    def run(self, table: Table, *, context: Context) -> Table:
        with open(os.environ["MARKS"], "a") as file:
            file.write("ran\\n")
        return Table.create(context.output("table"), table.scan(), roles=table.roles)
''',
    "plugins/troubled_family.py": FAMILY,
    "recipes/pair.yaml": """
defaults:
  - data: table
  - split: random
  - features: table
  - train: default

stages: [data, mark, split, features, train]
seed: 5

data:
  path: data/points.csv
  target: kind
  task: binary

mark:
  _target_: marks.Mark

model:
  _target_: troubled_family.Troubled
  hidden: [8]
  epochs: 4
  batch_size: 32
  hardware: {devices: 2}
""",
}


@pytest.fixture
def pair(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A project whose recipe ``pair`` trains in two processes."""
    for name, text in PROJECT.items():
        (toy.root / name).write_text(text)
    chance = np.random.default_rng(1)
    first, second = chance.normal(size=(2, 240))
    lines = [f"{a:.6f},{b:.6f},{'yes' if a > b else 'no'}" for a, b in zip(first, second, strict=True)]
    (toy.root / "data" / "points.csv").write_text("\n".join(["first,second,kind", *lines]) + "\n")
    monkeypatch.setenv("MARKS", str(tmp_path / "marks.txt"))
    return toy


@LINUX
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ranks_listen_to_this_machine_only(pair: Toy, ended: Ended) -> None:
    process = pair.start("run", "recipe=pair", "model.trouble=slow", "model.epochs=500")
    ended(process)
    listening = until(lambda: _joined(ranks_of(process.pid)))
    assert {address for addresses in listening for address in addresses} == {"0100007F"}


def _joined(ranks: list[int]) -> list[list[str]]:
    """Addresses at which each rank listens, once each does: it is then in touch with the other."""
    found = [_listening(pid) for pid in ranks]
    return found if len(found) == 2 and all(found) else []


def _listening(pid: int) -> list[str]:
    """Hexadecimal addresses, as in /proc/net/tcp; every address of IPv6 is taken as it stands."""
    own = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    found = []
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and f"socket:[{words[9]}]" in own:
                found.append(words[1].partition(":")[0])
    return found


@LINUX
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ranks_do_not_outlive_their_launcher(pair: Toy, ended: Ended) -> None:
    process = pair.start("run", "recipe=pair", "model.trouble=slow", "model.epochs=500")
    ended(process)
    ranks = until(lambda: len(found := ranks_of(process.pid)) == 2 and found)
    process.kill()
    until(lambda: not any(_runs(pid) for pid in ranks), seconds=5)


def _runs(pid: int) -> bool:
    try:
        return "mlops_lightning.rank" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


@LINUX
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_interrupted_fit_goes_on_from_its_checkpoint_and_repeats_no_earlier_stage(
    pair: Toy, ended: Ended, tmp_path: Path
) -> None:
    model = {"trouble": "slow", "epochs": 30, "patience": 0, "checkpoint.every_epochs": 1}
    words = ["recipe=pair", *(f"model.{key}={value}" for key, value in model.items())]
    process = pair.start("run", *words)
    ended(process)
    until(lambda: list((pair.root / ".mlops").rglob("checkpoint-*.safetensors")))
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130, told
    again = pair.run(*words)
    assert [step["action"] for step in again["steps"]] == ["reuse"] * 4 + ["run"]
    log = max((pair.root / ".mlops" / "runs").glob("*/log.txt")).read_text()
    assert "goes on from the checkpoint" in log
    assert (tmp_path / "marks.txt").read_text() == "ran\n"
    digest = _model(pair)
    subprocess.run(["rm", "-rf", str(pair.root / ".mlops")], check=True)
    pair.run(*words)
    assert _model(pair) == digest


def _model(pair: Toy) -> str:
    """Digest of the newest model."""
    found = [json.loads((folder / "manifest.json").read_text()) for folder in pair.artifacts]
    model = next(item for item in found if any("model.onnx" in str(name) for name in item["files"]))
    return json.dumps(model["files"], sort_keys=True)
