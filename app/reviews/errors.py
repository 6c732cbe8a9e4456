"""
ReviewNotFound (404)    no such comparison, or it has not ended
"""

from app.errors import NotFound


class ReviewNotFound(NotFound):
    code = "review_not_found"
