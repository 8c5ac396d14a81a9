"""Who is signed in, for how long, and what that account may open."""
