"""Greedy weighted ensembles of trained models."""
