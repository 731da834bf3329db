"""The same network on the same table: our fit, a loop written by hand, and Lightning over a DataLoader.

The loop by hand slices tensors that are in memory, the quickest way there is without an engine; the
network is the very module that our family builds, the optimizer the same fused AdamW. Ours is the whole
fit: reading the Parquet file, statistics, training, writing the weights.

python benchmarks/training.py
python benchmarks/training.py --threads 1 --batches 4096 --repeats 5
python benchmarks/training.py --ludwig /path/to/python   # an interpreter of its own, with Ludwig in it
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measuring import Cost, Samples, function, interleaved, output
from benchmarks.projects import temporary
from benchmarks.reporting import Aim, Report, Row, asked, present

_ROWS, _COLUMNS = 100_000, 32
_EPOCHS = {"ours": 1.0, "by hand": 1.0, "DataLoader": 0.2}
"""Share of the epochs that each runs; what is slow need not run as long."""

_LARGE = 1_000
"""Batches from which the cost of a loader's rows, not of steps, decides."""

_BY_HAND = 1 / 0.85
_DATALOADER = 1 / 6
_LUDWIG = 1 / 2.5


@dataclass(frozen=True)
class _Case:
    """One batch size at one number of threads."""

    prepared: Any
    batch: int
    threads: int
    epochs: int
    folder: Path
    ludwig: str = ""

    def ours(self) -> None:
        """The fit that the train stage calls."""
        from mlops.testing import make_context

        shutil.rmtree(self.folder, ignore_errors=True)
        context = make_context(self.folder, seed=1, cpus=self.threads)
        _family(self.epochs, self.batch).fit(self.prepared, context=context)

    def by_hand(self) -> None:
        """Slices of tensors, a fused optimizer, nothing else."""
        import torch

        torch.set_num_threads(self.threads)
        features, target = _tensors(self.prepared)
        network = _network(self.prepared)
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
        for _ in range(self.epochs):
            order = torch.randperm(len(features))
            for start in range(0, len(order), self.batch):
                rows = order[start : start + self.batch]
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(network(features[rows]), target[rows]).backward()  # type: ignore[no-untyped-call] # torch's own
                optimizer.step()

    def dataloader(self) -> None:
        """Lightning as its documentation has it: a TensorDataset behind a DataLoader."""
        import torch
        from lightning.pytorch import Trainer
        from torch.utils.data import DataLoader, TensorDataset

        torch.set_num_threads(self.threads)
        loader = DataLoader(TensorDataset(*_tensors(self.prepared)), batch_size=self.batch, shuffle=True)
        trainer = Trainer(
            max_epochs=self.share("DataLoader"),
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(_module(_network(self.prepared)), loader)

    def by_ludwig(self) -> Cost:
        """An epoch of Ludwig's, in a process of its own."""
        words = [str(Path(__file__).with_name("training_ludwig.py")), "--batch", str(self.batch)]
        _, said = output([self.ludwig, *words, "--threads", str(self.threads)], folder=self.folder.parent)
        seconds = float(json.loads(said.strip().splitlines()[-1])["seconds"])
        return Cost(seconds, seconds)

    def share(self, name: str) -> int:
        """How many epochs one of them runs."""
        return max(1, round(self.epochs * _EPOCHS[name]))

    def cost(self, name: str, work: Callable[[], None]) -> Cost:
        """Measure one, per epoch."""
        found, epochs = function(work), self.share(name)
        return Cost(found.wall / epochs, found.cpu / epochs)

    def measured(self, repeats: int) -> dict[str, Samples]:
        """Measure all three in turns."""
        works = {"ours": self.ours, "by hand": self.by_hand, "DataLoader": self.dataloader}
        cases = {name: partial(self.cost, name, work) for name, work in works.items()}
        return interleaved({**cases, **({"Ludwig": self.by_ludwig} if self.ludwig else {})}, repeats=repeats)


def main() -> None:
    """Measure and print."""
    given = asked(__doc__, repeats=3, more=_arguments)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    rows: list[Row] = []
    aims: list[Aim] = []
    notes: list[str] = []
    with temporary() as folder:
        prepared = _prepared(folder / "prepared")
        for batch in given.batches:
            for threads in given.threads:
                epochs = given.epochs or _epochs(batch)
                case = _Case(prepared, batch, threads, epochs, folder / "fit", ludwig=given.ludwig)
                found = case.measured(given.repeats)
                name = f"batch {batch}, {threads} thread{'s' if threads > 1 else ''}"
                made = {
                    other: Row(f"epoch, {name}", found["ours"], other, samples)
                    for other, samples in found.items()
                    if other != "ours"
                }
                rows += made.values()
                limits = {"by hand": _BY_HAND} | (
                    {"DataLoader": _DATALOADER, "Ludwig": _LUDWIG} if batch >= _LARGE else {}
                )
                aims += [
                    Aim(f"ours / {other}, {name}", made[other].ratio or 0, limit, "×")
                    for other, limit in limits.items()
                    if other in made
                ]
                notes.append(_speeds(name, found))
    present(Report("training", tuple(rows), tuple(aims), tuple(notes)), as_json=given.json)


def _arguments(parser: argparse.ArgumentParser) -> None:
    def numbers(text: str) -> list[int]:
        return [int(item) for item in text.split(",")]

    parser.add_argument("--batches", type=numbers, default=[256, 4096], help="batch sizes: a,b")
    parser.add_argument("--threads", type=numbers, default=[1, 2], help="numbers of threads: a,b")
    parser.add_argument("--ludwig", default="", help="a Python that can import Ludwig; left out when not given")
    parser.add_argument("--epochs", type=int, help="epochs (10 for small batches, 40 for large ones)")


def _epochs(batch: int) -> int:
    """Enough for some seconds."""
    return 40 if batch >= _LARGE else 10


def _speeds(name: str, found: dict[str, Samples]) -> str:
    speeds = ", ".join(f"{who} {_ROWS / samples.wall / 1e6:.2f} M rows/s" for who, samples in found.items())
    return f"{name}: {speeds}"


def _prepared(folder: Path) -> Any:
    """Two classes, 32 quantities, no validation rows: nothing but training is timed."""
    import numpy as np
    import polars as pl

    from mlops.formats.features import Prepared, PreparedFacts

    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(_ROWS, _COLUMNS)).astype(np.float32)
    target = (matrix @ rng.normal(size=_COLUMNS) > 0).astype(np.int64)
    names = tuple(f"x{index}" for index in range(_COLUMNS))
    frame = pl.DataFrame(matrix, schema=list(names), orient="row").with_columns(pl.Series("__target__", target))
    folder.mkdir()
    facts = PreparedFacts(task="binary", target="y", features=names, classes=("no", "yes"))
    return Prepared.create(folder, {"train": frame, "validation": frame.clear(), "test": frame.head(10)}, facts=facts)


def _family(epochs: int, batch: int) -> Any:
    from mlops_lightning.mlp import MLP

    return MLP(epochs=epochs, batch_size=batch, patience=0, schedule="constant", warmup=0.0, **_SHAPE)


_SHAPE: dict[str, Any] = {"hidden": (64, 64), "dropout": 0.0, "numeric": "plain"}


def _network(prepared: Any) -> Any:
    """The module of our family, for those who train it by other means."""
    from mlops_lightning.statistics import measure

    return _family(1, 1).network(prepared.facts, measure(prepared)).train()


def _tensors(prepared: Any) -> tuple[Any, Any]:
    import torch

    return torch.from_numpy(prepared.matrix("train")), torch.from_numpy(prepared.target("train").copy())


def _module(network: Any) -> Any:
    """The smallest LightningModule around a network."""
    import torch
    from lightning.pytorch import LightningModule

    class Module(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def training_step(self, batch: tuple[Any, Any]) -> Any:
            return torch.nn.functional.cross_entropy(self.network(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.AdamW(self.network.parameters(), lr=1e-3, fused=True)

    return Module()


if __name__ == "__main__":
    main()
