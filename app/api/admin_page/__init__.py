"""`/admin`: what operators and reviewers look at. Rendered here; one script fetches what changes."""
