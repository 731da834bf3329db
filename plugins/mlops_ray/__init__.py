"""Stages, trials and sweeps on Ray."""
