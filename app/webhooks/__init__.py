"""Signed messages to a user's server when a job ends (Standard Webhooks, DESIGN §14)."""
