"""The scaling of features and targets."""
