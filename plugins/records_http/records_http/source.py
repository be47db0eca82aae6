"""The source: one service, asked exactly as written, its answer mapped to the closed schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import ClassVar
from urllib.parse import urlsplit

from hub.backends import PluginContext, RecordSource, SourceInfo, SourceRecord
from hub.errors import SourceError
from hub.messages import PersonQuery, PlateQuery, Query, Reach, Subject, SubjectKind
from hub.text import plain
from records_http.building import build
from records_http.client import Client, explain
from records_http.reading import read_answer
from records_http.settings import RequestSettings, load


class RecordsHttp(RecordSource):
    """Records of an HTTPS service."""

    name: ClassVar[str] = "records_http"
    reach: ClassVar[Reach] = Reach.RESTRICTED
    may_declare: ClassVar[frozenset[Reach]] = frozenset({Reach.ON_REQUEST})
    answers: ClassVar[frozenset[SubjectKind]] = frozenset(SubjectKind)
    exact_only: ClassVar[bool] = True
    needs_settings: ClassVar[bool] = True

    def __init__(self) -> None:
        self._client: Client | None = None
        self._requests: Mapping[SubjectKind, RequestSettings] = MappingProxyType({})

    def open(self, context: PluginContext) -> SourceInfo:
        """Check the settings, the token and the certificates. Asks the service nothing.

        Raises:
            SourceError: They are wrong, or cannot be used.
        """
        self.close()
        settings = load(context.settings)
        self._client, self._requests = Client(settings), settings.requests()
        host = plain(urlsplit(settings.address).hostname or "", limit=100)
        return SourceInfo(entries=-1, detail=f"service at {host}", answers=frozenset(self._requests))

    def find(self, query: Query) -> Iterable[SourceRecord]:
        """Ask the service.

        Raises:
            SourceError: The source is not open, or the service does not answer with records.
        """
        if self._client is None:
            raise SourceError("the service is not open")
        template = self._requests.get(_kind(query.subject))
        if template is None or not _asks(query.subject):
            return ()
        answer = self._client.send(build(template, query.subject))
        if answer.status in template.none:
            return ()
        if answer.status != 200:
            raise SourceError(explain(answer.status))
        return read_answer(answer.body, template)

    def close(self) -> None:
        """Ask no more."""
        self._client = None


def _kind(subject: Subject) -> SubjectKind:
    if isinstance(subject, PlateQuery):
        return SubjectKind.PLATE
    return SubjectKind.PERSON if isinstance(subject, PersonQuery) else SubjectKind.DOCUMENT


def _asks(subject: Subject) -> bool:
    """Say whether there is anything to ask for."""
    if isinstance(subject, PlateQuery):
        return bool(subject.readings and subject.readings[0].plate)
    return bool((subject.name if isinstance(subject, PersonQuery) else subject.number).strip())
