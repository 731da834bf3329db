"""Search a recipe for its best values: trials on the shared store, a durable journal, and the winner's recipe."""

from mlops.searching.hunt import Hunt
from mlops.searching.running import Carried, SearchEnded, settle
from mlops.searching.view import Outlook, look_ahead

__all__ = ["Carried", "Hunt", "Outlook", "SearchEnded", "look_ahead", "settle"]
