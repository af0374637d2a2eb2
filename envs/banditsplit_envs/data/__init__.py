"""Texts and images to train on, to be deployed on, and what happens to images in the field."""
