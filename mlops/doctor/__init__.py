"""Examines a machine and a project: what is well, what is not, and how to mend it."""

from mlops.doctor.examination import examine
from mlops.doctor.finding import Finding

__all__ = ["Finding", "examine"]
