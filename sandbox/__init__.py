"""Stand-ins for the payment providers that speak their real wire. ClustR never imports this, nor does this import ClustR."""

from sandbox.core import Sandbox
from sandbox.wire import Answer, Dropped, Keys

__all__ = ["Answer", "Dropped", "Keys", "Sandbox"]
