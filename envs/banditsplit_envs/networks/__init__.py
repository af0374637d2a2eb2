"""Networks with exits: attached, trained, calibrated, cut in two, and timed."""
