"""What was known of an entity at a moment, computed from another table's past rows."""
