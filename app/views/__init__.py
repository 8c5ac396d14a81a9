"""The pages. Each checks the rights of the session before it reads anything."""
