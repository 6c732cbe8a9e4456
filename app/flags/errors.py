"""
FlagInvalid (422)       rules that cannot be: what is in force stays
BudgetSpent (409)       the day's money for ClippingMagic unasked is gone
"""

from app.errors import BadInput, Conflict


class FlagInvalid(BadInput):
    code = "flag_invalid"


class BudgetSpent(Conflict):
    code = "legacy_budget_spent"
