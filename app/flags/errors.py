"""
FlagInvalid (422)       rules that cannot be: what is in force stays
"""

from app.errors import BadInput


class FlagInvalid(BadInput):
    code = "flag_invalid"
