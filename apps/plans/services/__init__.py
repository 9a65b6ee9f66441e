"""Every act on plans."""

from apps.plans.services.entitlements import grant_plan, withdraw_plan
from apps.plans.services.requests import answer_question, ask_for_plan, withdraw_of, withdraw_request
from apps.plans.services.review import approve_request, ask_question, decline_request, read_request
from apps.plans.services.words import erase_words, sweep_words

__all__ = [
    "answer_question",
    "approve_request",
    "ask_for_plan",
    "ask_question",
    "decline_request",
    "erase_words",
    "grant_plan",
    "read_request",
    "sweep_words",
    "withdraw_of",
    "withdraw_plan",
    "withdraw_request",
]
