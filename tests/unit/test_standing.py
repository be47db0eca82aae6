"""What dashboards are shown of lists and orders is what their files say, and nothing else."""

from __future__ import annotations

from hub.face_lists import Shelved
from hub.standing import Standing
from tests.kit_lists import verified
from tests.kit_watch import people


async def test_a_face_list_is_shown_as_its_file_says(tmp_path):
    found = verified(tmp_path / "children.faces", people(0, 90))
    shelved = Shelved(found.file, found.header)
    standing = Standing(order=lambda: None, lists=lambda: (shelved,), grants=lambda: ())
    shown = await standing.show(7)
    assert (shown.request, shown.order, shown.grants) == (7, None, ())
    (face_list,) = shown.face_lists
    header = found.header
    assert (face_list.name, face_list.issuer, face_list.entries) == (header.name, header.issuer, 2)
    assert (face_list.purpose, face_list.expires) == (header.purpose, header.expires)
    assert face_list.digest == "children"  # of its file's name: it was not verified for this
