"""Execute a plan through an executor, commit outputs, and report."""

from mlops.runner.attempt import Bench
from mlops.runner.run import Report, execute

__all__ = ["Bench", "Report", "execute"]
