"""Says a sentence aloud through espeak-ng, where it is installed: a child process with a deadline, text on its input.

A robot's voice is understood worse than a person's; what is spoken is therefore always shown as well. What is said is
chosen elsewhere.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import Final

from hub.errors import DeadlineError, TranslatorError, UsageError
from hub.text import locate

PROGRAM: Final = "espeak-ng"
SECONDS: Final = 20.0
"""Longest time for one sentence."""
WORDS_A_MINUTE: Final = 130
"""Slower than the program's own 175: whoever listens is upset, or hears a machine for the first time."""


def speaker() -> str | None:
    """Return the path of the program that speaks; None where it is not installed."""
    return shutil.which(PROGRAM)


def speak(text: str, voice: str, *, program: str | None = None, seconds: float = SECONDS) -> None:
    """Say one sentence and return when it was said. Blocks.

    Args:
        text: What to say.
        voice: espeak-ng's name of the voice, from the phrasebook's table.
        program: Path of espeak-ng; found by itself where None.
        seconds: Deadline, after which the program is stopped.

    Raises:
        UsageError: espeak-ng is not installed.
        DeadlineError: It took too long.
        TranslatorError: It failed, for example because there is no sound device.
    """
    program = program or speaker()
    if program is None:
        raise UsageError("nothing was said: espeak-ng is not installed (apt install espeak-ng)")
    call = [program, "-v", voice, "-s", str(WORDS_A_MINUTE), "--stdin"]
    try:
        done = subprocess.run(
            call,
            input=text.encode("utf-8"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=seconds,
            check=False,
            start_new_session=True,  # a signal to the terminal is ours to handle
        )
    except subprocess.TimeoutExpired as error:
        raise DeadlineError(f"nothing more was said: {PROGRAM} took longer than {seconds:g} s") from error
    except OSError as error:
        raise TranslatorError(f"nothing was said: {PROGRAM} cannot be started ({locate(error)})") from error
    # Without a sound device espeak-ng complains and still exits with 0.
    if done.returncode or any(line.startswith(b"error:") for line in done.stderr.splitlines()):
        raise TranslatorError(f"nothing was said: {PROGRAM} failed; is there a sound device?")
