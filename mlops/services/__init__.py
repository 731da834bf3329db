"""What the engine asks of its surroundings: interfaces that plugins implement beside their stages."""
