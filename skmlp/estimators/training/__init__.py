"""One call of ``fit`` or ``partial_fit``: its data, its epochs, who watches them, how it ends."""
