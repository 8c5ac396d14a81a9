"""Exports of the statistics that a tenant may see: stable tables and their dictionary."""
