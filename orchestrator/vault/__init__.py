"""Secrets at rest, and references to secrets that live elsewhere."""
