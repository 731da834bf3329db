"""The model family XGBoost."""
