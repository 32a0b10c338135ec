"""Pieces that the worlds of several tests are made of: a clock by hand, and a wire that can be cut."""
