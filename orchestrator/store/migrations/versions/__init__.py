"""One file per released schema, in order."""
