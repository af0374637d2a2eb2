"""Gymnasium environments: a trace replayed, a network played live, arms with known laws."""
