"""The application inside a Bento, told by environment variables what it may not know when it is packed."""

from __future__ import annotations

import os
from pathlib import Path

from mlops_serve.app import App, make_app
from mlops_serve.keys import kept
from mlops_serve.settings import Settings

__all__ = ["application"]


def application(bundle: Path) -> App:
    """Make the application of a packed bundle.

    ``MLOPS_API_KEY``: key that requests must bring; without it, none is asked for.
    ``MLOPS_REQUEST_LOG``: folder that gets a log of every prediction; without it, none is kept.
    """
    key = os.environ.get("MLOPS_API_KEY", "")
    log = os.environ.get("MLOPS_REQUEST_LOG", "")
    settings = Settings(key=kept(key) if key else "")
    return make_app(bundle, settings=settings, log=Path(log) if log else None)
