"""Recipe → Plan: build stages, wire inputs, compute keys, say run or reuse and why."""

from mlops.plan.model import Plan, Selection, Step
from mlops.plan.planner import inspect, make_plan

__all__ = ["Plan", "Selection", "Step", "inspect", "make_plan"]
