"""The stage that measures a model from its stored predictions and draws a self-contained report."""
