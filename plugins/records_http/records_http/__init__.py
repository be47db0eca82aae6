"""Records of an HTTPS service, for Patrol Hub.

Registers one source, which is opened where the configuration has settings for it, once for each service; see
`records_http.settings`.
"""

from __future__ import annotations

from hub.hookspecs import RegisterRecordSource, hookimpl
from records_http.source import RecordsHttp

__all__ = ["RecordsHttp", "register_record_sources"]


@hookimpl
def register_record_sources(register: RegisterRecordSource) -> None:
    """Register the source."""
    register(RecordsHttp)
