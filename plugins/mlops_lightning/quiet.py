"""What torch and Lightning have to say goes to the stage's log, once each; nothing is printed."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["quiet"]

_LOGGERS = ("lightning", "lightning.pytorch", "lightning.fabric", "torch._dynamo", "torch.distributed", "torch.onnx")
_THEIRS = ("torch", "lightning", "torchmetrics")
_OF_TOMORROW = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
"""For those who write code: they come from wherever Python was when the libraries called it, such as copyreg."""


@contextmanager
def quiet(log: logging.Logger) -> Iterator[None]:
    """Turn warnings of the block into lines of the log: the libraries' own for debugging, others as warnings."""
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    said: set[str] = set()

    def show(message: Warning | str, category: type[Warning], filename: str, *rest: Any) -> None:
        del rest
        text = f"{category.__name__}: {message}"
        if text not in said:
            said.add(text)
            theirs = issubclass(category, _OF_TOMORROW) or any(f"/{name}/" in filename for name in _THEIRS)
            log.log(logging.DEBUG if theirs else logging.WARNING, "%s", text)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show  # type: ignore[assignment]  # narrower types, the same calls
        try:
            for name in _LOGGERS:
                logging.getLogger(name).setLevel(logging.ERROR)
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
