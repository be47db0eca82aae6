"""One read a vehicle: when it comes, what it takes, and what is forgotten."""

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.messages import Box, PlateRead, Reason, SourceKind
from hub.plates.grammar import GrammarBook, load_grammars
from hub.plates.reading import judge
from hub.plates.settings import PlateSettings
from hub.plates.vehicles import Vehicles, VehicleSettings, identity, similarity
from hub.testing.frames import frames_of
from hub.testing.readers import evidence
from hub.vision.tracking import TrackSettings

BOOK = GrammarBook([row for row in load_grammars().rows if row.code in ("ES", "FR")])
"""Few grammars: decoding with all of them is tested elsewhere and takes its time."""
PLATES = PlateSettings()
SIZE = (480, 640)


def watch(**options):
    return Vehicles(BOOK, PLATES, VehicleSettings(**options), key=b"k" * 32)


def play(vehicles, script, *, kind=SourceKind.LOSSLESS, rate=10.0):
    """Run a script of evidence, one item a frame, and return what became of the tracks, with the frame's number."""
    frames = frames_of([np.zeros((*SIZE, 3), np.uint8) for _ in script], kind=kind, rate=rate)
    done, started, judged = [], 0, {}
    for frame, regions in zip(frames, script, strict=True):
        judged[id(regions)] = judged.get(id(regions)) or judge(regions, SIZE, BOOK, PLATES)
        step = vehicles.step(frame, judged[id(regions)])
        started += step.started
        done += [(frame.number, outcome) for outcome in step.outcomes]
    step = vehicles.finish()
    done += [(None, outcome) for outcome in step.outcomes]
    assert len(done) == started
    assert vehicles.undecided == 0
    return done


def told(done):
    return [(outcome.reason, outcome.read and outcome.read.readings[0].plate) for _, outcome in done]


def passing(text, count, *, x=40, step=12, y=200, **options):
    return [[evidence(text, (x + step * n, y, 90, 24), **options)] for n in range(count)]


def test_a_car_that_drives_past_is_one_read_of_all_its_frames():
    ((_, outcome),) = play(watch(), [[]] * 3 + passing("1234BCD", 12) + [[]] * 20)
    read = outcome.read
    assert isinstance(read, PlateRead)
    assert (read.readings[0].plate, read.votes, read.frames) == ("1234BCD", 12, 12)
    assert (read.first_seen, read.last_seen) == (0.3, pytest.approx(1.4))
    assert read.scene.shape == (*SIZE, 3)
    assert read.crop.shape == (read.box.h, read.box.w, 3)


def test_a_recording_waits_for_the_end_of_the_track_and_a_live_view_does_not():
    script = passing("1234BCD", 30, step=5)
    assert [number for number, _ in play(watch(), script + [[]] * 20)] == [44]
    assert [number for number, _ in play(watch(settle=0.8), script, kind=SourceKind.LIVE)] == [8]
    assert [number for number, _ in play(watch(longest=2.0), script)] == [20]


def test_frames_that_differ_are_settled_by_their_sum():
    noisy = [
        evidence("1234BCD", (40 + 12 * n, 200, 90, 24), doubts=[(n % 4, "7", 0.7)] if n % 3 == 0 else ())
        for n in range(12)
    ]
    ((reason, plate),) = told(play(watch(), [[each] for each in noisy]))
    assert (reason, plate) == (Reason.READ, "1234BCD")


def test_too_few_votes():
    assert told(play(watch(), passing("1234BCD", 2))) == [(Reason.TOO_FEW_VOTES, None)]
    assert told(play(watch(votes=2), passing("1234BCD", 2))) == [(Reason.READ, "1234BCD")]
    different = [[evidence(text, (40, 200, 90, 24))] for text in ("1234BCD", "1234BCF", "1234BCG", "1234BCH")]
    assert [plate for _, plate in told(play(watch(), different))] == [None]


def test_doubtful_frames_prolong_a_track_but_do_not_vote():
    doubtful = evidence("1234BCD", (64, 200, 90, 24), sharpness=0.01)
    assert judge([doubtful], SIZE, BOOK, PLATES).reason is Reason.BLURRED
    assert told(play(watch(), passing("1234BCD", 2) + [[doubtful]] * 8)) == [(Reason.TOO_FEW_VOTES, None)]
    ((_, outcome),) = play(watch(), passing("1234BCD", 3) + [[doubtful]] * 8)
    assert (outcome.read.votes, outcome.read.frames) == (3, 11)


def test_parked_cars_are_read_once_each_however_long_they_stand():
    parked = [evidence("1234BCD", (100, 200, 60, 16)), evidence("5678FGH", (300, 200, 60, 16))]
    for kind in (SourceKind.LIVE, SourceKind.LOSSLESS):
        done = told(play(watch(longest=5.0), [parked] * 400, kind=kind))
        assert sorted(done) == [(Reason.READ, "1234BCD"), (Reason.READ, "5678FGH")]


@pytest.mark.parametrize("kind", [SourceKind.LIVE, SourceKind.LOSSLESS])
def test_a_parked_car_behind_a_passing_lorry_is_the_same_vehicle(kind):
    parked = [[evidence("1234BCD", (100, 200, 60, 16))]] * 20
    done = told(play(watch(), parked + [[]] * 60 + parked + [[]] * 60 + parked, kind=kind))
    assert done == [(Reason.READ, "1234BCD"), (Reason.SAME_VEHICLE, None), (Reason.SAME_VEHICLE, None)]


def test_a_parked_car_whose_plate_is_misread_the_second_time_is_the_same_vehicle():
    there, again = ([[evidence(text, (100, 200, 60, 16))]] * 10 for text in ("1234BCD", "1284BCD"))
    elsewhere = [[evidence("1284BCD", (500, 300, 60, 16))]] * 10
    assert told(play(watch(), there + [[]] * 40 + again))[1] == (Reason.SAME_VEHICLE, None)
    assert told(play(watch(), there + [[]] * 40 + elsewhere))[1] == (Reason.READ, "1284BCD")


def test_a_car_hidden_for_longer_than_the_memory_is_read_again():
    parked = [[evidence("1234BCD", (100, 200, 60, 16))]] * 10
    assert told(play(watch(memory=4.0), parked + [[]] * 80 + parked)) == [(Reason.READ, "1234BCD")] * 2
    assert told(play(watch(memory=0.0), parked + [[]] * 30 + parked)) == [(Reason.READ, "1234BCD")] * 2


def test_the_unit_passes_a_row_of_parked_cars_slowly():
    plates = ["1234BCD", "5678FGH", "9012JKL", "3456MNP"]
    script = []
    for n in range(125):
        places = [(700 + 260 * i - 10 * n, p) for i, p in enumerate(plates)]
        script.append([evidence(p, (x, 200, 70, 18)) for x, p in places if 0 <= x <= 560 and (n + x) % 5])
    assert sorted(told(play(watch(), script, rate=15.0))) == [(Reason.READ, plate) for plate in sorted(plates)]


def test_lettering_that_moves_with_the_plate_is_no_second_read_though_it_could_be_a_plate():
    def scene(n, badge):
        x = 40 + 12 * n
        return [evidence("1234BCD", (x, 200, 60, 16)), *([evidence("9012JKL", (x + 10, 170, 50, 14))] if badge else [])]

    script = [scene(n, n % 3 == 0) for n in range(20)]
    for kind in (SourceKind.LIVE, SourceKind.LOSSLESS):
        assert sorted(told(play(watch(), script, kind=kind)), key=str) == [
            (Reason.READ, "1234BCD"),
            (Reason.SAME_VEHICLE, None),
        ]


def test_each_photo_stands_alone_and_needs_one_vote():
    photo = [evidence("1234BCD", (40, 40, 90, 24)), evidence("5678FGH", (300, 40, 90, 24))]
    twice = [*photo, evidence("1234BCD", (40, 300, 80, 20))]
    done = play(watch(), [photo, twice, []], kind=SourceKind.STILL)
    assert [number for number, _ in done] == [0, 0, 1, 1, 1]
    assert sorted(told(done), key=str) == [
        (Reason.READ, "1234BCD"),
        (Reason.READ, "1234BCD"),
        (Reason.READ, "5678FGH"),
        (Reason.READ, "5678FGH"),
        (Reason.SAME_VEHICLE, None),
    ]
    assert all(outcome.read.votes == 1 for _, outcome in done if outcome.read)


def test_nothing_of_a_track_is_kept_once_its_read_is_given_or_it_ends():
    vehicles = watch(settle=0.3)
    frames = frames_of([np.zeros((*SIZE, 3), np.uint8) for _ in range(60)], kind=SourceKind.LIVE, rate=10)
    alive = [weakref.ref(frame.image) for frame in frames]
    parked, passer = evidence("1234BCD", (40, 200, 90, 24)), evidence("5678FGH", (400, 200, 90, 24))
    alone, both = (judge(regions, SIZE, BOOK, PLATES) for regions in ([parked], [parked, passer]))
    for number in range(60):
        vehicles.step(frames[number], both if number in (5, 6) else alone)  # the second car never gets enough votes
    del parked, passer, alone, both
    frames.clear()
    gc.collect()
    assert [number for number, image in enumerate(alive) if image() is not None] == []
    # The parked car's track lives on, without its text.
    assert not any("1234BCD" in str(value) for value in reachable(vehicles))


def reachable(root):
    """Yield everything that can be reached from an object, strings and numbers too."""
    seen, queue = set(), [root]
    while queue:
        each = queue.pop()
        if id(each) in seen or isinstance(each, type) or each is BOOK:
            continue
        seen.add(id(each))
        if isinstance(each, (str, bytes)):
            yield each
        queue.extend(gc.get_referents(each))


def test_hashes_say_nothing_without_the_key_and_agree_on_one_misread():
    one = identity("1234BCD", b"k" * 32)
    assert one == identity("1234BCD", b"k" * 32)
    assert not one & identity("1234BCD", b"q" * 32)
    for other in ("1284BCD", "123BCD", "12334BCD"):
        assert one & identity(other, b"k" * 32)
        assert one != identity(other, b"k" * 32)
    assert not one & identity("1284BFD", b"k" * 32)


def test_similarity():
    assert similarity("1234BCD", "1234BCD") == 1.0
    assert similarity("1234BCD", "1284BC") == pytest.approx(1 - 2 / 7)
    assert similarity("", "") == 1.0
    assert similarity("ABC", "") == 0.0


TEXTS = st.sampled_from(["1234BCD", "1284BCD", "5678FGH", "0000", "XQ", ""])
REGION = st.builds(
    lambda text, x, y, p: evidence(text, Box(x, y, 80, 20), probability=p),
    TEXTS.filter(len),
    st.integers(0, 500),
    st.integers(0, 400),
    st.floats(0.3, 1.0),
)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.lists(REGION, max_size=3), max_size=15), st.sampled_from(SourceKind), st.sampled_from([0.5, 5.0]))
def test_any_frames_give_each_track_one_outcome(script, kind, rate):
    vehicles = watch(tracks=TrackSettings(most=5))
    for _, outcome in play(vehicles, script, kind=kind, rate=rate):
        assert (outcome.read is not None) == (outcome.reason is Reason.READ)
