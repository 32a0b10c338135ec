"""Reports from the journal alone: the same record as data, as one page, as pages of a fleet."""
