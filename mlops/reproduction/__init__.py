"""A recorded run carried out again from nothing, and compared with what it made."""

from mlops.reproduction.model import Reproduction, Request
from mlops.reproduction.reproducing import reproduce

__all__ = ["Reproduction", "Request", "reproduce"]
