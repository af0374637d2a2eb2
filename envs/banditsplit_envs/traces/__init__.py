"""What every exit of a network says of every sample, recorded once."""
