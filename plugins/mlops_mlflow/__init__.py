"""Experiment tracking and the model registry, kept by MLflow."""
