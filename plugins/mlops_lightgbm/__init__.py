"""Gradient-boosted trees of LightGBM."""
