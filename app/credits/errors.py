"""
NoCredits (402)         what is left does not pay for it; extra: available, needed where known
"""

from app.errors import AppError


class NoCredits(AppError):
    code = "no_credits"
    status = 402
