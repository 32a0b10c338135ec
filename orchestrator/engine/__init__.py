"""Advance one run: intend, look or act, decide, settle."""
