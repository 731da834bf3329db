"""Versions of models brought to deployments by name, and what becomes of deployments."""

from mlops.deploying.deeds import deploy, roll_back, stop
from mlops.deploying.request import KEYS, Request
from mlops.deploying.standing import deployments, resume

__all__ = ["KEYS", "Request", "deploy", "deployments", "resume", "roll_back", "stop"]
