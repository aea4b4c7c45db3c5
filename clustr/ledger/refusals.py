"""How the books refuse."""

from __future__ import annotations

from clustr.kit.errors import Conflict, Declined, Locked, NotFound


class InsufficientFunds(Declined):
    """There is not enough money for this."""

    code = "insufficient_funds"


class AccountFrozen(Locked):
    """The wallet is frozen: money may come in, none may leave."""

    code = "account_frozen"


class AccountNotFound(NotFound):
    """There is no such account in these books."""

    code = "account_not_found"


class TransferKeyReused(Conflict):
    """A transfer with this key was already posted with other contents."""

    code = "transfer_key_reused"


class AlreadyReversed(Conflict):
    """This transfer was already reversed."""

    code = "already_reversed"


class NotAMirrorImage(Conflict):
    """What undoes a transfer has its sides exchanged and its amount."""

    code = "not_a_mirror_image"


class AccountCurrencyMismatch(Conflict):
    """A transfer joins two accounts of one currency."""

    code = "account_currency_mismatch"
