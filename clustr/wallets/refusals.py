"""How wallets refuse. Money's own refusals (`insufficient_funds`, `account_frozen`) are the ledger's."""

from __future__ import annotations

from clustr.kit.errors import Conflict, Invalid, Locked, NotAllowed, NotFound


class NotRecordedByHand(Conflict):
    """Only money that was recorded into a wallet by hand can be taken back so."""

    code = "not_recorded_by_hand"


class PinRequired(Invalid):
    """A PIN is set: send it as `pin`."""

    code = "pin_required"
    field = "pin"


class PinIncorrect(NotAllowed):
    """The PIN is wrong."""

    code = "pin_incorrect"


class PinLocked(Locked):
    """Spending is locked after too many wrong PINs."""

    code = "pin_locked"


class WithdrawalsCooling(Locked):
    """The PIN was reset a short while ago: until some time has passed, no money can be withdrawn."""

    code = "withdrawals_cooling"


class PinTooEasy(Invalid):
    """This PIN is too easy to guess."""

    code = "pin_too_easy"
    field = "pin"


class PinNotSet(Conflict):
    """No PIN is set."""

    code = "pin_not_set"


class OldPinRequired(Invalid):
    """To change the PIN, send the present one as `old_pin`."""

    code = "old_pin_required"
    field = "old_pin"


class FreshSignInRequired(NotAllowed):
    """Sign in again first: this needs a sign-in of the last minutes."""

    code = "fresh_sign_in_required"


class ResetCodeInvalid(Invalid):
    """The code is wrong, used, or too old."""

    code = "reset_code_invalid"
    field = "code"


class SeparationOfDuties(NotAllowed):
    """Nobody decides about money in which they have a part."""

    code = "separation_of_duties"


class WalletNotEmpty(Conflict):
    """There is still money of this person here: let them withdraw it first."""

    code = "wallet_not_empty"


class PayoutNotFound(NotFound):
    """There is no such transfer."""

    code = "payout_not_found"


class PayoutDecided(Conflict):
    """This transfer was decided about, or is on its way."""

    code = "payout_decided"


class AccountNameDiffers(Conflict):
    """The bank holds this account in another name than the one that was shown."""

    code = "account_name_differs"


class NotInSuspense(Conflict):
    """This money does not wait in suspense."""

    code = "not_in_suspense"


class MemberNotFoundHere(NotFound):
    """There is no such member in this cluster."""

    code = "wallet_member_not_found"


class NotCovered(Conflict):
    """What was paid has been paid out since: providers do not hold enough of the estate's money to give it back."""

    code = "not_covered"
