"""The loops: probe → ingest → escalate → deliver. Each loads, asks `core`, and saves."""
