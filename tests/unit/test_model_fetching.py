"""Fetching from a publisher's address, against servers that answer well, lie, trickle, redirect or are gone."""

import httpx2
import pytest

from hub import model_fetching
from hub.errors import ModelError
from hub.model_fetching import fetch_model_file

CONTENT = b"weights" * 100
URL = "https://zoo.test/m.onnx"


def served(answer):
    """Return a transport that answers with what a function makes of a request, and what it was asked for."""
    asked = []

    def handle(request):
        asked.append(str(request.url))
        return answer(request)

    return httpx2.MockTransport(handle), asked


def test_a_file_comes_as_it_is_also_from_elsewhere():
    def answer(request):
        if request.url.host == "zoo.test":
            return httpx2.Response(302, headers={"Location": "https://media.test/m"})
        assert request.headers["accept-encoding"] == "identity"
        return httpx2.Response(200, stream=Pieces([CONTENT]))

    transport, asked = served(answer)
    assert fetch_model_file(URL, len(CONTENT), transport=transport) == CONTENT
    assert asked == [URL, "https://media.test/m"]


class Pieces(httpx2.SyncByteStream):
    """A body that comes in pieces; counts them."""

    def __init__(self, pieces):
        self._pieces, self.sent = pieces, 0

    def __iter__(self):
        for piece in self._pieces:
            self.sent += 1
            yield piece


@pytest.mark.parametrize(("size", "says"), [(len(CONTENT) - 1, "more than"), (len(CONTENT) + 1, "fewer than")])
def test_a_file_of_another_size_is_refused(size, says):
    transport, _ = served(lambda request: httpx2.Response(200, stream=Pieces([CONTENT])))
    with pytest.raises(ModelError, match=says):
        fetch_model_file(URL, size, transport=transport)


def test_a_file_without_an_end_is_read_no_further_than_its_size():
    body = Pieces(iter(lambda: b"x" * 1000, b""))
    transport, _ = served(lambda request: httpx2.Response(200, stream=body))
    with pytest.raises(ModelError, match="more than 5000 bytes"):
        fetch_model_file(URL, 5000, transport=transport)
    assert body.sent < 200


def test_a_server_that_trickles_is_left(monkeypatch):
    monkeypatch.setattr(model_fetching, "_LONGEST", -1.0)
    transport, _ = served(lambda request: httpx2.Response(200, stream=Pieces([b"x" * 70_000] * 9)))
    with pytest.raises(ModelError, match="fewer than"):
        fetch_model_file(URL, 200_000, transport=transport)


@pytest.mark.parametrize("status", [204, 404, 500])
def test_any_other_answer_is_told(status):
    transport, _ = served(lambda request: httpx2.Response(status))
    with pytest.raises(ModelError, match=f"answered {status}"):
        fetch_model_file(URL, 1, transport=transport)


@pytest.mark.parametrize("target", ["http://media.test/m", URL])
def test_a_redirect_away_from_https_or_in_a_circle_is_not_followed(target):
    transport, asked = served(lambda request: httpx2.Response(302, headers={"Location": target}))
    with pytest.raises(ModelError, match=r"https only|cannot be fetched"):
        fetch_model_file(URL, 1, transport=transport)
    assert all(each.startswith("https://") for each in asked)


def test_a_network_that_is_gone_is_told_in_one_line():
    def gone(request):
        raise httpx2.ConnectError("no route to host")

    transport, _ = served(gone)
    with pytest.raises(ModelError, match="cannot be fetched: ConnectError: no route to host"):
        fetch_model_file(URL, 1, transport=transport)
