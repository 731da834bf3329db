"""The application inside a Bento, told by environment variables what it may not know when it is packed."""

from __future__ import annotations

import json
import os
from pathlib import Path

from mlops_serve.app import App, make_app
from mlops_serve.keys import kept
from mlops_serve.settings import Settings

__all__ = ["application"]


def application(bundle: Path) -> App:
    """Make the application of a packed bundle.

    ``MLOPS_API_KEY``: key that requests must bring; without it, none is asked for.
    ``MLOPS_EXTRA_COLUMNS``: JSON list of columns that a row may have beside the model's.
    ``MLOPS_REQUEST_LOG``: folder that gets a log of every prediction; without it, none is kept.
    """
    key = os.environ.get("MLOPS_API_KEY", "")
    log = os.environ.get("MLOPS_REQUEST_LOG", "")
    columns = json.loads(os.environ.get("MLOPS_EXTRA_COLUMNS", "[]"))
    settings = Settings(key=kept(key) if key else "", extra_columns=tuple(columns))
    return make_app(bundle, settings=settings, log=Path(log) if log else None)
