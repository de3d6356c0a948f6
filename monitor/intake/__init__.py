"""Ways in: what the outside tells the service, taken in bounded and never trusted for what it says of itself."""
