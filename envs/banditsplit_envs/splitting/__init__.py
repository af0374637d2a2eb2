"""The rules of the game: who answers a sample, what that tells, and what it costs."""
