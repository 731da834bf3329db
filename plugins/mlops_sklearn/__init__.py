"""Linear models of scikit-learn."""
