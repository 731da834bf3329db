"""What a change of a project changes, as one Markdown text for those who review it."""

from mlops.pull_report.gathering import gather
from mlops.pull_report.markdown import render
from mlops.pull_report.model import PullReport

__all__ = ["PullReport", "gather", "render"]
