"""Execute a plan through an executor, commit outputs, and report."""

from mlops.runner.attempt import Bench
from mlops.runner.run import ended_by_signal, execute

__all__ = ["Bench", "ended_by_signal", "execute"]
