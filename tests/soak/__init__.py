"""The long run: a fleet in one process for an hour, with faults; memory, files and orgs afterwards."""
