"""A world like the nation beside the nation's published figures: what the generator is held to."""
