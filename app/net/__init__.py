"""The only way to call a URL that a user gave (DESIGN §14)."""
