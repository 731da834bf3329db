"""Searches for good values with Optuna, in this process."""
