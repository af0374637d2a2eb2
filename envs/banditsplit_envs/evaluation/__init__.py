"""What every result is measured against, and what is recommended from it."""
