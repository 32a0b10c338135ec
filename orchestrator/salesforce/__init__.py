"""Talking to Salesforce: one session for the network, libraries on top of it, one table of answers."""
