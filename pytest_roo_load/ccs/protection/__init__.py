"""What keeps the server alive and its users apart: rate limits, load shedding, the audit log."""
