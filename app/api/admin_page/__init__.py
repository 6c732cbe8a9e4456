"""`/admin`: what operators and reviewers look at. Rendered here, without scripts."""
