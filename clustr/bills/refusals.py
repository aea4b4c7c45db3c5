"""How bills refuse."""

from __future__ import annotations

from clustr.kit.errors import Conflict, Invalid, NotAllowed, NotFound


class BillNotFound(NotFound):
    """There is no such bill, or it is not yours."""

    code = "bill_not_found"


class BillNotAcknowledged(Conflict):
    """The member has not acknowledged the bill's current terms."""

    code = "bill_not_acknowledged"


class BillDisputed(Conflict):
    """The bill is disputed."""

    code = "bill_disputed"


class BillCancelled(Conflict):
    """The bill was cancelled."""

    code = "bill_cancelled"


class BillAlreadyPaid(Conflict):
    """The bill is paid."""

    code = "bill_already_paid"


class BillPastDue(Conflict):
    """The due date has passed, and this bill does not allow payment after it."""

    code = "bill_past_due"


class BillChanged(Conflict):
    """The bill's terms changed: read them again before you acknowledge."""

    code = "bill_changed"


class BillManagedByMember(Conflict):
    """The bill stands for what a member buys from a utility: only that purchase pays it."""

    code = "bill_managed_by_member"


class AmountExceedsRemaining(Conflict):
    """The amount is more than what remains to be paid."""

    code = "amount_exceeds_remaining"


class BillHasPayments(Conflict):
    """The bill has payments: refund the payers, or issue a correction."""

    code = "bill_has_payments"


class MemberHasPayments(Conflict):
    """The member has paid on a bill that would no longer be theirs: let them leave later, or refund it first."""

    code = "member_has_payments"


class AmountBelowPaid(Conflict):
    """The member has already paid more than that."""

    code = "amount_below_paid"


class AlreadyDisputed(Conflict):
    """The bill is already disputed."""

    code = "already_disputed"


class FormerMember(NotAllowed):
    """Who has left pays what applied to them, and no longer disputes."""

    code = "former_member"


class DisputeNotFound(NotFound):
    """There is no such open dispute."""

    code = "dispute_not_found"


class DisputeClosed(Conflict):
    """The dispute is closed."""

    code = "dispute_closed"


class StatusIsDerived(Invalid):
    """A bill's status follows from what happened; only `cancelled` can be set."""

    code = "status_is_derived"
    field = "status"


class DueDateNotAhead(Invalid):
    """The due date must lie ahead."""

    code = "due_date_not_ahead"
    field = "due_date"


class TypeNotManaged(Invalid):
    """The office issues cluster-managed bills only."""

    code = "type_not_managed"
    field = "type"


class BulkInvalid(Invalid):
    """Some of the bills are invalid; none was created."""

    code = "bulk_invalid"


class SheetInvalid(Invalid):
    """The sheet of bills has errors; nothing was billed."""

    code = "sheet_invalid"


class AlreadyReminded(Conflict):
    """Members were reminded of this bill today already."""

    code = "already_reminded"


class NobodyOwes(Conflict):
    """Nobody is to be reminded: the bill is paid or disputed."""

    code = "nobody_owes"
