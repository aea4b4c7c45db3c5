"""How automations refuse."""

from __future__ import annotations

from clustr.kit.errors import Conflict, Invalid, NotFound


class AutomationNotFound(NotFound):
    """There is no such automation, or it is not yours."""

    code = "automation_not_found"


class TooManyAutomations(Conflict):
    """You have as many automations as one member may have."""

    code = "too_many_automations"


class AutomationScheduleInvalid(Invalid):
    """A day of the month is 1 to 31, a weekday 1 (Monday) to 7, and days apart are 1 to 366."""

    code = "automation_schedule_invalid"
    field = "schedule"


class AutomationAmountInvalid(Invalid):
    """Name the amount; or leave it out, and name the most that an estimated one may be."""

    code = "automation_amount_invalid"
    field = "amount"


class AutomationCardInvalid(Invalid):
    """A saved card has to be named where a card pays."""

    code = "automation_card_invalid"
    field = "payment_method_id"


class TooLittleHistory(Conflict):
    """Too few purchases were delivered for this number to estimate the next: name an amount."""

    code = "too_little_history"
