"""A model as an HTTP service: versions, shares, a log of every prediction, and the Bento that holds it."""
