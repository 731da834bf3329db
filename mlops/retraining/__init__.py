"""Trains a model again when its policy says so, and writes down what came of it."""

from mlops.retraining.cycle import Retrained, Retraining, retrain

__all__ = ["Retrained", "Retraining", "retrain"]
