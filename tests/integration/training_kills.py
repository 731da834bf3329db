"""A fork server that imports torch once: fits, killed and resumed until they end, beside one that is left alone.

Usage: python training_kills.py FOLDER TRIALS SIGNAL[,SIGNAL] DATA. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops.formats.features import Prepared
from mlops.stage import Context
from mlops.testing import make_context
from mlops.testing.prepared import make_prepared
from mlops_lightning.launching import fit
from mlops_lightning.mlp import MLP
from mlops_lightning.options import CheckpointRule

MOST_ATTEMPTS = 200


def estimator(data: str, trial: int) -> MLP:
    """Everything that has a state: dropout, momentum, averages, a schedule, early stopping."""
    averages = ("ema", "swa", "none")
    return MLP.model_validate(
        {
            "hidden": (8,),
            "dropout": 0.2,
            "epochs": 12,
            "batch_size": 16,
            "lr": 0.01,
            "schedule": ("cosine", "plateau", "onecycle")[trial % 3],
            "average": averages[trial % 3],
            "clip": 1.0,
            "checkpoint": CheckpointRule(every_steps=7, every_minutes=0, every_epochs=2),
            "hardware": {"data": data},
        }
    )


def forked(work: Callable[[], object]) -> int:
    """Do some work in a child of this process."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


def fitted(prepared: Prepared, model: MLP, folder: Path, *, resume: Path) -> Callable[[], None]:
    """Fit and save, as work for a child."""

    def work() -> None:
        context: Context = replace(make_context(folder / f"work-{os.getpid()}", seed=5), resume=resume)
        found = fit(model, prepared, context=context)
        made = folder / "made"
        made.mkdir()
        found.save(made)
        (made / "history.json").write_text(json.dumps(dict(found.history())))
        made.rename(folder / "native")

    return work


def content(folder: Path) -> dict[str, bytes]:
    """Read every file."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def killed_until_done(prepared: Prepared, model: MLP, folder: Path, number: int, rng: random.Random) -> dict[str, Any]:
    """Kill a fit at random moments, most of them while it trains, and start it again until it ends."""
    checkpoints = folder / "resume" / "checkpoints"
    kills = 0
    for _ in range(MOST_ATTEMPTS):
        before = newest(checkpoints)
        child = forked(fitted(prepared, model, folder, resume=folder / "resume"))
        wanted = before + rng.randint(1, 5)
        until(lambda: newest(checkpoints) >= wanted or ended(child))  # noqa: B023 - used at once
        time.sleep(rng.random() * 0.004)
        if not ended(child):
            os.kill(child, number)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == number:
            kills += 1
            continue
        return {"kills": kills, "code": os.waitstatus_to_exitcode(status)}
    return {"kills": kills, "code": -1}


def newest(checkpoints: Path) -> int:
    """Give the number of the newest checkpoint, 0 without one."""
    if not checkpoints.is_dir():
        return 0
    return max((int(path.name.split("-")[1]) for path in checkpoints.glob("checkpoint-*")), default=0)


def ended(child: int) -> bool:
    """Say whether a child is over; it can still be waited for."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def until(condition: Callable[[], bool]) -> None:
    """Wait, a minute at most."""
    deadline = time.monotonic() + 60
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)


def main() -> None:
    """Run the trials."""
    folder, trials, names, data = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","), sys.argv[4]
    rng = random.Random(11)
    # In a child: the threads that Polars starts on its first use would not be there in those forked later.
    os.waitpid(forked(lambda: make_prepared(folder / "prepared", "multiclass", rows=200)), 0)
    prepared = Prepared(folder / "prepared")
    found = []
    for trial in range(trials):
        model = estimator(data, trial)
        alone, mauled = folder / f"alone-{trial}", folder / f"mauled-{trial}"
        os.waitpid(forked(fitted(prepared, model, alone, resume=alone / "resume")), 0)
        number = getattr(signal, names[trial % len(names)])
        outcome = killed_until_done(prepared, model, mauled, number, rng)
        same = outcome["code"] == 0 and content(alone / "native") == content(mauled / "native")
        found.append({**outcome, "same": same})
    print(json.dumps(found))  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
