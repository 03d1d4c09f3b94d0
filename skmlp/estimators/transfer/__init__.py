"""What a new network takes over from a trained one."""
