"""Workflows for continuous integration, written into a project."""

from mlops.workflows.choices import Choices, choose
from mlops.workflows.writing import write_workflows

__all__ = ["Choices", "choose", "write_workflows"]
