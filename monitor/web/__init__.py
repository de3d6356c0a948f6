"""What people and machines look at: pages, the API, metrics and health, on one port."""
