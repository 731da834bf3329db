"""Rows a second that Ludwig trains, on the table and network of `training.py`; run by an interpreter that has Ludwig.

/path/to/python benchmarks/training_ludwig.py --batch 4096 --threads 1

It prints one line of JSON: seconds an epoch, taken between two fits of different lengths, so that what
Ludwig does once (reading, preprocessing, saving) does not count.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
from typing import Any

_ROWS, _COLUMNS = 100_000, 32
_SHORT, _LONG = 2, 12


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    import torch

    torch.set_num_threads(given.threads)
    frame, kept = _frame(), _with_operators()  # the library object keeps its operators alive
    seconds = [_trained(frame, epochs=epochs, batch=given.batch) for epochs in (_SHORT, _LONG)]
    del kept
    print(json.dumps({"seconds": (seconds[1] - seconds[0]) / (_LONG - _SHORT)}))


def _frame() -> Any:
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(_ROWS, _COLUMNS)).astype(np.float32)
    frame = pd.DataFrame(matrix, columns=[f"x{index}" for index in range(_COLUMNS)])
    frame["y"] = matrix @ rng.normal(size=_COLUMNS) > 0
    frame["split"] = 0
    frame.loc[:99, "split"] = 1
    return frame


def _with_operators() -> Any:
    """Declare the operators that a torchvision built for another torch lacks and Ludwig's import asks for."""
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call] # torch's own
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call] # torch's own
    return library


def _trained(frame: Any, *, epochs: int, batch: int) -> float:
    from ludwig.api import LudwigModel  # type: ignore[import-not-found] # lives in an environment of its own

    config = {
        "input_features": [{"name": f"x{index}", "type": "number"} for index in range(_COLUMNS)],
        "output_features": [{"name": "y", "type": "binary"}],
        "combiner": {"type": "concat", "num_fc_layers": 2, "output_size": 128},
        "preprocessing": {"split": {"type": "fixed", "column": "split"}},
        "trainer": {
            "epochs": epochs,
            "batch_size": batch,
            "learning_rate": 0.001,
            "early_stop": -1,
            "evaluate_training_set": False,
            "checkpoints_per_epoch": 0,
            "optimizer": {"type": "adamw"},
        },
        "backend": {"type": "local"},
    }
    model = LudwigModel(config, logging_level=logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        clock = time.perf_counter()
        model.train(
            dataset=frame,
            output_directory=folder,
            skip_save_processed_input=True,
            skip_save_log=True,
            skip_save_progress=True,
            skip_save_model=True,
            skip_save_training_description=True,
            skip_save_training_statistics=True,
        )
        return time.perf_counter() - clock


if __name__ == "__main__":
    main()
