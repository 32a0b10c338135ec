"""Take a Salesforce org from an admin's password to a proven OAuth credential and a dead password."""

__version__ = "0.1.0"
