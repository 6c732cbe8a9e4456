"""The only reader of the environment. Every error at start-up names its variable."""
