"""What ``verbose`` shows."""
