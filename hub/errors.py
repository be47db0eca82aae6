"""The tree of errors that leave the hub's public functions.

Every name ends in ``Error``; everything derives from `HubError`. Errors of libraries are mapped to these at the
edge with ``raise ... from``. A message is one line that says what is wrong and how to mend it.
"""

from __future__ import annotations


class HubError(Exception):
    """Root of all errors that the hub raises on purpose."""


class UsageError(HubError):
    """The call or its input is wrong; the command line answers with exit status 2."""


class ConfigError(UsageError):
    """A configuration file is wrong; the message names the key and the line."""


class InputError(UsageError):
    """A file given by the user is missing, empty, truncated or of no use."""


class NotReadableError(HubError):
    """A machine readable zone in a picture is not readable beyond doubt. The message tells nothing of what was seen."""


class CaptureError(HubError):
    """A camera, stream or file gives no frames."""


class PluginError(HubError):
    """A plugin cannot be found, loaded or used."""


class PluginParkedError(PluginError):
    """A plugin is parked: it did not load, or too many of its calls hung. The message says which and why."""


class ModelError(HubError):
    """A model file is missing, has another digest than the manifest says, or does not run."""


class StoreError(HubError):
    """A store cannot be opened, read or written (locked, corrupt, full)."""


class StoreFullError(StoreError):
    """The disk is full: what had to be written was not."""


class AuditError(HubError):
    """The log cannot take an entry, so the act that it would account for does not happen."""


class NotAllowedError(HubError):
    """Policy says no; the message is the reason in the charter's terms."""


class NotSignedInError(NotAllowedError):
    """The act needs a signed-in officer."""


class TrustError(NotAllowedError):
    """A signed list, order or grant is unsigned, altered, expired, rolled back or from an unknown issuer."""


class StateError(HubError):
    """A transition that the alert's state machine does not have."""


class SourceError(HubError):
    """A record source failed; the message is for the officer."""


class SourceUnavailableError(SourceError):
    """The source did not answer: late, raised, parked, or its breaker is open."""


class SourceChangedError(SourceError):
    """The source's records were replaced since it was opened: it has to be opened again."""


class TranslatorError(HubError):
    """A translator cannot do what was asked; the message is for the officer."""


class PositionError(HubError):
    """A position source is not there, silent or gone."""


class SourceGoneError(SourceChangedError):
    """The process in which the source ran has ended: it has to be opened again."""


class ClosedChannelError(HubError):
    """The channel's other side is gone."""


class LaggedError(HubError):
    """A slow reader missed messages; it holds how many."""

    def __init__(self, missed: int) -> None:
        super().__init__(f"this reader was too slow and missed {missed} messages")
        self.missed = missed


class DeadlineError(HubError):
    """A call did not end within its deadline."""


class BusyError(HubError):
    """A bounded queue is full: the call was not taken."""


class WireError(HubError):
    """What came over the socket is no frame of the protocol, or a frame is too long."""


class HubLostError(HubError):
    """No hub answers on the socket, or one that did has gone silent."""
