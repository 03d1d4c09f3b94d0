"""Files of plain values."""
