"""Trains a model again when its policy says so, and writes down what came of it."""

from mlops.retraining.cycle import retrain, settled
from mlops.retraining.round import Outcome, Retrained, Retraining

__all__ = ["Outcome", "Retrained", "Retraining", "retrain", "settled"]
