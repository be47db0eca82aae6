"""From names to blocks of sound: files in a child process, a microphone that can be unplugged. No model, no device."""

from __future__ import annotations

import sys
import wave

import av
import numpy as np
import pytest
import trio

from hub.channels import Mailbox, Overflow
from hub.errors import CaptureError, InputError, UsageError
from hub.listening import Blocks, SoundTimeouts, hear_file, hear_microphone, open_portaudio, parse_sound
from hub.speech.sound import BLOCK, BLOCK_SECONDS
from hub.testing.speech import FakeMicrophone, voice

QUICK = SoundTimeouts(microphone=0.4)


def write_wav(path, samples, rate=16_000, channels=1):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.repeat(samples, channels) * 32767).astype("<i2").tobytes())
    return path


async def hear(path, *, capacity=64, **options):
    """Return the blocks of a file, what was said about it, and how long it is."""
    blocks, said, heard, seconds = Mailbox(capacity), [], [], []

    async def run():
        seconds.append(await hear_file(parse_sound(str(path)), blocks, say=said.append, **options))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        heard = [block async for block in blocks]
    return heard, said, seconds


def one(group):
    """Return the only exception in a group."""
    while isinstance(group, BaseExceptionGroup):
        (group,) = group.exceptions
    return group


# ----------------------------------------------------------------------------------------------- names


def test_a_name_is_a_file_or_a_stream_without_its_password(tmp_path):
    file = write_wav(tmp_path / "said.wav", voice(0.1))
    spec = parse_sound(str(file))
    assert (spec.origin, spec.address, spec.live) == (str(file), str(file), False)
    stream = parse_sound("rtsp://me:secret@192.0.2.1/live?token=1")
    assert stream.live
    assert "secret" not in repr(stream) + stream.origin


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("", UsageError, "empty"),
        ("absent.wav", InputError, "no such file"),
        (".", InputError, "is no file"),
        ("empty.wav", InputError, "is empty: there is nothing to hear"),
        ("ftp://host/file", UsageError, "not ftp"),
    ],
)
def test_a_wrong_name_is_one_clear_line(tmp_path, monkeypatch, name, error, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.wav").touch()
    with pytest.raises(error, match=says):
        parse_sound(name)


def test_blocks_come_whole_however_samples_arrive():
    sound = voice(1)
    blocks = Blocks()
    got = [block for at in range(0, len(sound), 700) for block in blocks.take(sound[at : at + 700])] + blocks.end()
    assert np.array_equal(np.concatenate([block.samples for block in got])[: len(sound)], sound)
    assert [block.start for block in got] == [number * BLOCK_SECONDS for number in range(len(got))]
    assert all(block.samples.shape == (BLOCK,) and not block.samples.flags.writeable for block in got)
    assert Blocks().end() == []


# ----------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2)])
async def test_a_file_is_heard_at_16_khz_mono_whatever_it_is(tmp_path, rate, channels):
    seconds = 0.5
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)).astype(np.float32)
    heard, said, (length,) = await hear(write_wav(tmp_path / "tone.wav", tone, rate, channels))
    assert length == pytest.approx(seconds, abs=0.05)
    assert said == []
    samples = np.concatenate([block.samples for block in heard])
    spectrum = np.abs(np.fft.rfft(samples[1000:7000]))
    assert np.argmax(spectrum) * 16_000 / 6000 == pytest.approx(440, abs=3)


def write_encoded(path, codec, samples, *, pictures=False):
    """Write a file as phones and cameras do, with pictures beside the sound or without."""
    with av.open(str(path), "w") as container:
        screen = container.add_stream("mpeg4", rate=10) if pictures else None
        track = container.add_stream(codec, rate=48_000, layout="mono")
        if screen is not None:
            screen.width, screen.height, screen.pix_fmt = 64, 64, "yuv420p"
            for _ in range(5):
                picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
                container.mux(screen.encode(picture))
            container.mux(screen.encode(None))
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = 48_000
        resampler = av.AudioResampler(format=track.format, layout="mono", rate=48_000, frame_size=track.frame_size)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(track.encode(piece))
        container.mux(track.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "codec", "pictures"),
    [("said.mp3", "libmp3lame", False), ("said.ogg", "libopus", False), ("said.mp4", "aac", True)],
)
async def test_sound_is_heard_in_what_phones_and_cameras_write(tmp_path, name, codec, pictures):
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)).astype(np.float32)
    heard, _, (length,) = await hear(write_encoded(tmp_path / name, codec, tone, pictures=pictures))
    assert length == pytest.approx(1, abs=0.15)
    samples = np.concatenate([block.samples for block in heard])[4000:12_000]
    assert np.argmax(np.abs(np.fft.rfft(samples))) * 16_000 / 8000 == pytest.approx(440, abs=4)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"not a sound", "no sound can be decoded"),
        (b"\0" * 5000, "no sound can be decoded"),
        (b"#EXTM3U\n/etc/passwd\n", "no sound"),
    ],
)
async def test_a_file_that_holds_no_sound_is_one_clear_line(tmp_path, content, says):
    (tmp_path / "broken.ogg").write_bytes(content)
    with pytest.raises(BaseExceptionGroup) as caught:
        await hear(tmp_path / "broken.ogg")
    error = one(caught.value)
    assert isinstance(error, InputError)
    assert says in str(error)


async def test_a_video_without_sound_says_so(tmp_path):
    import cv2

    from hub.testing.frames import paint, street

    writer = cv2.VideoWriter(str(tmp_path / "silent.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240))
    for _ in range(3):
        writer.write(cv2.resize(paint(street(), []), (320, 240)))
    writer.release()
    with pytest.raises(BaseExceptionGroup) as caught:
        await hear(tmp_path / "silent.avi")
    assert "it has no sound" in str(one(caught.value))


async def test_a_decoder_that_hangs_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.executable", "/bin/sleep")
    file = write_wav(tmp_path / "said.wav", voice(0.1))
    with pytest.raises(BaseExceptionGroup) as caught:
        await hear(file, timeouts=SoundTimeouts(start=0.2))
    assert isinstance(one(caught.value), CaptureError)


@pytest.mark.parametrize("words", [b"x" * 100_000, b"\x04\0\0\0abcd", b"\xff\xff\xff\xff", b"\0\0\0\0", b""])
async def test_a_decoder_that_sends_nonsense_is_given_up(tmp_path, monkeypatch, words):
    (tmp_path / "words").write_bytes(words)
    script = tmp_path / "decoder"
    script.write_text(f"#!/bin/sh\nexec cat {tmp_path}/words\n")
    script.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(script))
    with pytest.raises(BaseExceptionGroup) as caught:
        await hear(write_wav(tmp_path / "said.wav", voice(0.1)))
    assert isinstance(one(caught.value), CaptureError)


@pytest.mark.slow
async def test_an_hour_is_heard_without_being_held(tmp_path):
    """Whoever takes the blocks sets the pace, and neither process grows with the file."""
    path = tmp_path / "hour.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        minute = (voice(60) * 32767).astype("<i2").tobytes()
        for _ in range(60):
            file.writeframes(minute)
    blocks, count, most = Mailbox(64), 0, 0
    before = resident()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hear_file, parse_sound(str(path)), blocks)
        async for _ in blocks:
            count += 1
            if count % 20_000 == 0:
                most = max(most, resident())
    assert count * BLOCK_SECONDS == pytest.approx(3600, abs=1)
    assert most - before < 30


def resident():
    """Return the resident memory of this process in MB."""
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * 4096 / 1e6


# ----------------------------------------------------------------------------------------------- microphone


async def listen(microphone, blocks, nursery, **options):
    await nursery.start(
        lambda task_status: hear_microphone(blocks, microphone.open, task_status=task_status, **options)
    )


async def test_what_is_said_into_the_microphone_arrives_as_blocks():
    microphone, blocks = FakeMicrophone(), Mailbox(64, Overflow.DROP_OLDEST)
    sound = voice(0.32)
    async with trio.open_nursery() as nursery:
        await listen(microphone, blocks, nursery)
        await trio.to_thread.run_sync(microphone.speak, sound)
        heard = [await blocks.receive() for _ in range(10)]
        nursery.cancel_scope.cancel()
    assert np.array_equal(np.concatenate([block.samples for block in heard]), sound)
    assert not microphone.active
    assert blocks.statistics().closed


@pytest.mark.parametrize(("fault", "says"), [("unplug", "was unplugged"), ("silent", "gives no sound any more")])
async def test_an_unplugged_or_silent_microphone_is_told(fault, says):
    microphone, blocks = FakeMicrophone(), Mailbox(64, Overflow.DROP_OLDEST)
    with pytest.raises(BaseExceptionGroup) as caught:  # noqa: PT012
        async with trio.open_nursery() as nursery:
            await listen(microphone, blocks, nursery, timeouts=QUICK)
            if fault == "unplug":
                microphone.unplug()
    error = one(caught.value)
    assert isinstance(error, CaptureError)
    assert says in str(error)
    assert blocks.statistics().closed


async def test_a_microphone_that_does_not_open_says_why():
    microphone, blocks = FakeMicrophone(), Mailbox(8, Overflow.DROP_OLDEST)
    microphone.problem = "no device of that name"
    with pytest.raises(CaptureError, match="no device of that name"):
        await hear_microphone(blocks, microphone.open)
    assert blocks.statistics().closed


@pytest.mark.parametrize("where", ["start", "active", "stop"])
async def test_whatever_a_driver_raises_ends_in_words(where):
    class Broken(FakeMicrophone):
        def __enter__(self):
            super().__enter__()
            if where == "start":
                raise RuntimeError("Device unavailable [PaErrorCode -9985]")

        def __exit__(self, *error):
            raise RuntimeError("gone")

        @property
        def active(self):
            if where == "active":
                raise RuntimeError("invalid stream")
            return where != "stop"

        @active.setter
        def active(self, value):
            """Take nothing."""

    with pytest.raises(CaptureError, match="unavailable" if where == "start" else "unplugged"):
        await hear_microphone(Mailbox(8, Overflow.DROP_OLDEST), Broken().open, timeouts=QUICK)


async def test_a_microphone_that_opens_too_late_is_closed_again_at_once():
    """Nobody may be heard after whoever asked for it has gone."""
    microphone, blocks = FakeMicrophone(), Mailbox(8, Overflow.DROP_OLDEST)
    microphone.gate.clear()
    with trio.move_on_after(0.1):
        await hear_microphone(blocks, microphone.open)
    microphone.gate.set()
    with trio.fail_after(5):
        while not microphone.opened or microphone.active:  # noqa: ASYNC110
            await trio.sleep(0.01)


async def test_of_sound_that_nobody_takes_the_oldest_goes():
    microphone, blocks = FakeMicrophone(), Mailbox(4, Overflow.DROP_OLDEST)
    async with trio.open_nursery() as nursery:
        await listen(microphone, blocks, nursery)
        await trio.to_thread.run_sync(microphone.speak, voice(0.32))
        with trio.fail_after(5):
            while blocks.statistics().dropped < 6:  # noqa: ASYNC110
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()


def test_without_portaudio_or_a_device_it_is_said_what_to_do(monkeypatch):
    with pytest.raises(CaptureError, match=r"microphone does not open|no PortAudio"):
        open_portaudio("a microphone that nobody has")(lambda _samples: None)
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(CaptureError, match="PortAudio"):
        open_portaudio()(lambda _samples: None)
