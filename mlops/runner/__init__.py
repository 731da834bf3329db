"""Execute a plan through an executor, commit outputs, and report."""

from mlops.runner.attempt import Bench
from mlops.runner.run import execute

__all__ = ["Bench", "execute"]
