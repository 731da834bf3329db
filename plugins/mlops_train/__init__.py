"""The stage that trains any model family."""
