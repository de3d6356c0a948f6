"""Rows in SQLite or PostgreSQL; nothing else writes."""
