"""What went wrong in a stage, in words that help."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

from mlops.durable import disk_trouble
from mlops.errors import MlopsError, StageError, StoreError

__all__ = ["explained"]


def explained(exc: Exception, stage: str, *, folder: Path) -> str:
    """Explain what a stage raised, and keep its traceback in the log.

    Args:
        exc: what it raised.
        stage: its section.
        folder: where it was writing.
    """
    log = logging.getLogger(f"mlops.stage.{stage}")
    log.debug("%s", "".join(traceback.format_exception(exc)).rstrip())
    if isinstance(exc, StageError | StoreError) or (isinstance(exc, MlopsError) and exc.fix):
        return str(exc)
    trouble = disk_trouble(exc, folder, doing=f"write what {stage} makes")
    if trouble is not None:
        return str(trouble)
    fix = f"this is an error in the stage {stage!r} itself; the log holds its traceback"
    return f"{type(exc).__name__}: {exc}\n  where: {_last_place(exc)}\n  fix: {fix}"


def _last_place(exc: Exception) -> str:
    frames = traceback.extract_tb(exc.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown"
