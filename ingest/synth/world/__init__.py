"""The world behind the files: people, their lives, health, and what insurers would write down of them."""
