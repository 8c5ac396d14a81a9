"""Attacks on the envelope, against a real center: `make attack` runs thousands, the tests a few of each kind."""
