"""The command line: one function a command, which says its parameters and hands over to `hub.commands`.

Heavy imports stand inside the functions, so that ``--help`` and mistakes answer at once. Exit status: 0 done, 1 the
answer is no, 2 the call or its input is wrong; one line on standard error, never a traceback for a user's mistake.
"""

from __future__ import annotations

from hub import interrupts

# isort: split
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final, Literal

import cyclopts
from cyclopts import App, Parameter

from hub import __version__
from hub.commands.authority import authority
from hub.commands.console import OutputError
from hub.errors import HubError, NotAllowedError, NotReadableError, StateError
from hub.text import plain

_Config = Annotated[Path | None, Parameter(name="--config", help="Settings, TOML; see examples/patrol.toml.")]
_Officer = Annotated[
    str | None, Parameter(name="--officer", help="Number of the officer who acts; default: who is signed in.")
]
_Reason = Annotated[str, Parameter(name="--reason", help="Why; kept in the log.")]


def _not_blank(_kind: object, value: str) -> None:
    if not value.strip():
        raise ValueError("it needs a reason in words")


_GivenReason = Annotated[str, Parameter(name="--reason", help="Why; kept in the log.", validator=_not_blank)]
_Json = Annotated[Literal["text", "json"], Parameter(name="--format")]
_JsonLines = Annotated[Literal["text", "jsonl"], Parameter(name="--format")]
_Development = Annotated[
    bool, Parameter(name="--development", negative="", help="Allow unsigned lists, marked on every screen.")
]
_TakingPart = Annotated[
    Literal["handed-over", "asked-for", "unable"] | None,
    Parameter(name="--taking-part", help="How the person takes part; a face check needs it."),
]
_Size = Annotated[
    int, Parameter(name="--size", help="Most entries of a face list, as its authority states; 20000 at most.")
]
_FalseAlerts = Annotated[
    float, Parameter(name="--false-alerts", help="False alerts expected from one probe of somebody not listed.")
]
_Threshold = Annotated[
    float | None, Parameter(name="--threshold", help="A higher threshold than that budget asks for.")
]
_Calibration = Annotated[
    Path | None, Parameter(name="--calibration", help="From watchlist calibrate; default: the one of the model.")
]
_Why = Annotated[str, Parameter(name="--why", help="Why the person is unable to take part.")]

app = App(
    name="patrol-hub",
    help="Look-ups on patrol under a written authority: plates, closed lists, alerts that a human decides, a log.",
    version=__version__,
    result_action="return_value",
)
officer = App(name="officer", help="Add and remove officers, sign in and out, change a passphrase.")
alerts = App(name="alerts", help="List, show and adjudicate alerts.")
audit = App(name="audit", help="Show, export and verify the tamper-evident log.")
check = App(name="check", help="Check a document, or a face against one document's photo.")
watchlist = App(name="watchlist", help="Build, sign and verify closed lists.")
models = App(name="models", help="List, check and fetch model weights.")
plugins = App(name="plugins", help="List and check plugins.")
phrase = App(name="phrase", help="Prepared sentences in other languages, and free text through translators.")
evaluate = App(name="evaluate", help="Measure on published test sets; opens no camera and no list.")
for _family in (officer, alerts, audit, check, watchlist, authority, models, plugins, phrase, evaluate):
    app.command(_family)


@app.command
def run(
    *,
    source: Annotated[
        tuple[str, ...], Parameter(name="--source", help="Photo, folder, video, webcam:N, rtsp or http.")
    ] = (),
    config: _Config = None,
    events: Annotated[
        str | None, Parameter(name="--events", allow_leading_hyphen=True, help="File for events as JSON lines, or -.")
    ] = None,
    until_end: Annotated[
        bool, Parameter(name="--until-end", negative="", help="Lossless; stop at the end of every source.")
    ] = False,
    order: Annotated[
        Path | None, Parameter(name="--order", help="Watch for the faces of a list as well, under this order.")
    ] = None,
    position: Annotated[
        str, Parameter(name="--position", help="Where the unit is: a file, fixed:LAT,LON, gpsd, nmea:...")
    ] = "",
    officer: _Officer = None,
    development: _Development = False,
    without_camera: Annotated[
        bool, Parameter(name="--without-camera", negative="", help="Watch nothing: look-ups and alerts for dashboards.")
    ] = False,
    no_socket: Annotated[
        bool, Parameter(name="--no-socket", negative="", help="Let no dashboard attach to this hub.")
    ] = False,
) -> int:
    """Watch cameras and files, look plates up on closed lists, raise alerts. Decides nothing by itself.

    Dashboards of the same user attach through a socket in the state folder; one hub a folder then. With --order the
    signed-in officer loads a deployment order: faces are watched for where and while it is in force, and it ends by
    itself.
    """
    from hub.commands.deploying import Under
    from hub.commands.running import run as body
    from hub.errors import UsageError

    if order is None and (position or officer is not None):
        raise UsageError("--position and --officer belong to a deployment order: name it with --order")
    return body(
        sources=source,
        config=config,
        events=events,
        until_end=until_end,
        development=development,
        cameras=not without_camera,
        attach=not no_socket,
        under=Under(order, position, officer) if order is not None else None,
    )


@app.command
def start(*, config: _Config = None, development: _Development = False) -> int:
    """Start the dashboard, and a hub with the configuration's cameras where none runs yet; no command means this.

    The hub goes on when the dashboard leaves, unless an officer stops it there.
    """
    from hub.commands.dashboard import start as body

    return body(config=config, development=development)


@app.command
def tui(
    *,
    socket: Annotated[
        Path | None, Parameter(name="--socket", help="The hub's socket; default: the one in the state folder.")
    ] = None,
) -> int:
    """Attach a dashboard to the hub that runs on this unit. It may leave and come back at any time."""
    from hub.commands.dashboard import tui as body

    return body(socket=socket)


@app.command
def demo(
    *,
    headless: Annotated[bool, Parameter(name="--headless", negative="", help="No progress, figures only.")] = False,
    without_plate: Annotated[
        bool, Parameter(name="--without-plate", negative="", help="Leave the listed plate out: no alert, status 1.")
    ] = False,
) -> int:
    """Run the main job on a clip that it draws itself, then print the figures."""
    from hub.commands.demo import demo as body

    return body(headless=headless, without_plate=without_plate)


@app.command
def read(
    *paths: Path,
    reason: _GivenReason,
    officer: _Officer = None,
    config: _Config = None,
    format: _JsonLines = "text",  # noqa: A002
) -> int:
    """Read the plates in photos, folders and video files. Looks nothing up; one entry in the log a call."""
    from hub.commands.reading import read as body

    return body(paths, reason=reason, officer=officer, config=config, form=format)


@app.command
def translate(
    *sources: Annotated[str, Parameter(name="AUDIO", help="wav, ogg, mp3 or video files; or a stream's address.")],
    languages: Annotated[
        str, Parameter(name="--languages", help="Codes that are expected, such as es,fr; default: any.")
    ] = "",
    to: Annotated[str, Parameter(name="--to", help="Language of the translation: en.")] = "en",
    reason: Annotated[str, Parameter(name="--reason", help="Why; kept in the log.")] = "",
    officer: _Officer = None,
    config: _Config = None,
    format: _JsonLines = "text",  # noqa: A002
) -> int:
    """Write down what is said in files, and translate it into English: a machine's guess, not evidence.

    Nothing is matched or kept; one entry in the log a call. A stream needs a signed-in officer.
    """
    from hub.commands.translating import translate as body

    return body(sources, languages=languages, to=to, reason=reason, officer=officer, config=config, form=format)


@app.command
def lookup(
    kind: Literal["plate", "person", "document"],
    value: str,
    *,
    reason: _GivenReason,
    source: Annotated[tuple[str, ...], Parameter(name="--source", help="Ask this source only.")] = (),
    born: Annotated[str | None, Parameter(name="--born", help="Day of birth, YYYY-MM-DD.")] = None,
    country: Annotated[str, Parameter(name="--country", help="Issuing state of a document, three letters.")] = "",
    grant: Annotated[Path | None, Parameter(name="--grant", help="Signed grant for a restricted source.")] = None,
    officer: _Officer = None,
    config: _Config = None,
    development: _Development = False,
    format: _Json = "text",  # noqa: A002
) -> int:
    """Ask every source that a signed-in officer with a reason may ask.

    A partial plate has ? for one unknown character and * for any number of them.
    """
    from hub.commands.lookups import lookup as body

    return body(
        kind,
        value,
        reason=reason,
        sources=source,
        born=born,
        country=country,
        grant=grant,
        officer=officer,
        config=config,
        development=development,
        form=format,
    )


@app.command(name="import")
def import_records(
    source: str, file: Path, *, officer: _Officer = None, config: _Config = None, development: _Development = False
) -> int:
    """Take a signed list or a CSV file into a source's own store, all good rows at once, every bad row by line."""
    from hub.commands.lookups import import_records as body

    return body(source, file, officer=officer, config=config, development=development)


@app.command
def redact(
    file: Path,
    *,
    output: Annotated[Path, Parameter(name=["-o", "--output"], allow_leading_hyphen=True, help="The new file.")],
    keep: Annotated[str, Parameter(name="--keep", help="Subject's box x,y,w,h, which stays sharp but for faces.")] = "",
    config: _Config = None,
) -> int:
    """Reduce a photo or video so that bystanders are not told apart; never overwrites its input."""
    from hub.commands.redacting import redact as body

    return body(file, output=output, keep=keep, config=config)


@app.command
def doctor(*, config: _Config = None, development: _Development = False, format: _Json = "text") -> int:  # noqa: A002
    """Check models, plugins, sources, limits, the clock and the log, and say what to mend."""
    from hub.commands.doctor import doctor as body

    return body(config=config, development=development, form=format)


# ---------------------------------------------------------------------------------------------- officer


@officer.command(name="add")
def officer_add(
    number: str,
    *,
    role: Annotated[Literal["officer", "supervisor", "administrator"], Parameter(name="--role")] = "officer",
    officer: _Officer = None,
    config: _Config = None,
) -> int:
    """Add an officer; the passphrase is asked for, or read as a line of standard input. The first administers.

    Whoever adds another one may be asked for their own passphrase first: always with --officer, and after `sign-in`
    where the system has no memory-backed XDG_RUNTIME_DIR. Then standard input needs two lines: theirs and the new one.
    """
    from hub.commands.console import another_follows
    from hub.commands.officers import add as body

    with another_follows(f"the new passphrase of {number}"):
        return body(number, role=role, officer=officer, config=config)


@officer.command(name="remove")
def officer_remove(number: str, *, officer: _Officer = None, config: _Config = None) -> int:
    """Remove an officer: a supervisor or administrator does. Sessions end; the log keeps the number.

    Nobody removes themselves, or the last who may add officers or opens the unit's key.
    """
    from hub.commands.officers import remove as body

    return body(number, officer=officer, config=config)


@officer.command(name="passphrase")
def officer_passphrase(*, config: _Config = None) -> int:
    """Change the passphrase of whoever is signed in: the present and the new one are asked for, or read as lines."""
    from hub.commands.officers import passphrase as body

    return body(config=config)


@officer.command(name="sign-in")
def officer_sign_in(number: str, *, config: _Config = None) -> int:
    """Sign in on this unit; the session ends after 15 minutes idle."""
    from hub.commands.officers import sign_in as body

    return body(number, config=config)


@officer.command(name="sign-out")
def officer_sign_out(*, config: _Config = None) -> int:
    """End the session on this unit."""
    from hub.commands.officers import sign_out as body

    return body(config=config)


@officer.command(name="list")
def officer_list(*, config: _Config = None, format: _Json = "text") -> int:  # noqa: A002
    """List the unit's officers and who is signed in."""
    from hub.commands.officers import list_officers as body

    return body(config=config, form=format)


# ----------------------------------------------------------------------------------------------- alerts


@alerts.command(name="list")
def alerts_list(
    *,
    everything: Annotated[bool, Parameter(name="--all", negative="", help="Decided and expired ones too.")] = False,
    officer: _Officer = None,
    config: _Config = None,
    format: _Json = "text",  # noqa: A002
) -> int:
    """List alerts that wait for a decision, missing persons first."""
    from hub.commands.alerts import list_alerts as body

    return body(everything=everything, officer=officer, config=config, form=format)


@alerts.command(name="show")
def alerts_show(
    alert: str,
    *,
    pictures: Annotated[Path | None, Parameter(name="--pictures", help="Folder for its redacted pictures.")] = None,
    officer: _Officer = None,
    config: _Config = None,
    format: _Json = "text",  # noqa: A002
) -> int:
    """Show one alert: what was read, what the entry says, why they were brought together, what else is near."""
    from hub.commands.alerts import show as body

    return body(alert, pictures=pictures, officer=officer, config=config, form=format)


@alerts.command(name="adjudicate")
def alerts_adjudicate(
    alert: str,
    decision: Annotated[
        Literal["true", "false", "engaged", "confirmed-true", "confirmed-false"],
        Parameter(help="true or false decides; the others report what came of it."),
    ],
    *,
    reason: _GivenReason,
    correct: Annotated[
        bool, Parameter(name="--correct", negative="", help="Correct the earlier decision, which stays on record.")
    ] = False,
    officer: _Officer = None,
    config: _Config = None,
    format: _Json = "text",  # noqa: A002
) -> int:
    """Decide on an alert, or report what came of it."""
    from hub.commands.alerts import adjudicate as body

    return body(alert, decision, reason=reason, correct=correct, officer=officer, config=config, form=format)


# ------------------------------------------------------------------------------------------------ check


@check.command(name="document")
def check_document(
    file: Path | None = None,
    *,
    mrz: Annotated[
        str | None,
        Parameter(
            name="--mrz",
            allow_leading_hyphen=True,
            help="Its machine readable lines as typed, or - for standard input.",
        ),
    ] = None,
    reason: _GivenReason,
    source: Annotated[tuple[str, ...], Parameter(name="--source", help="Ask this source only.")] = (),
    live: Annotated[Path | None, Parameter(name="--live", help="Picture of the person, for the face check.")] = None,
    photo: Annotated[Path | None, Parameter(name="--photo", help="Picture of the document's photo.")] = None,
    taking_part: _TakingPart = None,
    why: _Why = "",
    officer: _Officer = None,
    config: _Config = None,
    development: _Development = False,
    format: _Json = "text",  # noqa: A002
) -> int:
    """Check a travel document by its lines (ICAO 9303): check digits and dates; reported lost or stolen; photo.

    The lines are read from a photograph (FILE) or typed (--mrz). Three answers, never one score. Lines that cannot be
    read beyond doubt are not guessed: it says so and exits 1.
    """
    from hub.commands.checking import document as body
    from hub.commands.checking import photo_of

    return body(
        file=file,
        mrz=mrz,
        reason=reason,
        sources=source,
        photo=photo_of(live, photo, taking_part, why),
        officer=officer,
        config=config,
        development=development,
        form=format,
    )


@check.command(name="face")
def check_face(
    live: Path,
    document: Path,
    *,
    reason: _GivenReason,
    taking_part: _TakingPart = None,
    why: _Why = "",
    officer: _Officer = None,
    config: _Config = None,
    format: _Json = "text",  # noqa: A002
) -> int:
    """Check the one face of a LIVE picture against the one of a DOCUMENT's photo; exits 1 unless it may be the same.

    One at a time, 10 s apart, 30 an officer in 12 hours, and a face against one document an hour. Keeps no picture.
    """
    from hub.commands.checking import face as body
    from hub.commands.checking import photo_of

    return body(photo_of(live, document, taking_part, why), reason=reason, officer=officer, config=config, form=format)


@app.command
def probe(
    *,
    camera: Annotated[str | None, Parameter(name="--camera", help="A camera of the configuration.")] = None,
    image: Annotated[Path | None, Parameter(name="--image", help="A picture file.")] = None,
    reason: _Reason,
    list_: Annotated[str, Parameter(name="--list", help="SHA-256 of the list, where several are loaded.")] = "",
    officer: _Officer = None,
    config: _Config = None,
    format: _Json = "text",  # noqa: A002
) -> int:
    """Compare one face with the face list in force; a candidate is an alert that another officer adjudicates.

    One at a time, 10 s apart, 30 an officer in 12 hours together with face checks. Keeps nothing of a face that
    resembles no entry. Exits 1 where none is resembled or nothing was compared.
    """
    from hub.commands.probing import probe as body

    return body(camera=camera, image=image, reason=reason, digest=list_, officer=officer, config=config, form=format)


# ------------------------------------------------------------------------------------------------ audit


@audit.command(name="verify")
def audit_verify(
    *,
    checkpoint: Annotated[Path | None, Parameter(name="--checkpoint", help="Witness copy kept outside.")] = None,
    config: _Config = None,
    format: _Json = "text",  # noqa: A002
) -> int:
    """Verify the log against a checkpoint kept outside this unit; without one the answer is no."""
    from hub.commands.audit import verify as body

    return body(checkpoint=checkpoint, config=config, form=format)


@audit.command(name="show")
def audit_show(
    *,
    last: Annotated[int, Parameter(name="--last", help="How many entries.")] = 20,
    officer: _Officer = None,
    config: _Config = None,
    format: _JsonLines = "text",  # noqa: A002
) -> int:
    """Show the newest entries of the log."""
    from hub.commands.audit import show as body

    return body(last=last, officer=officer, config=config, form=format)


@audit.command(name="checkpoint")
def audit_checkpoint(
    *,
    output: Annotated[
        Path | None,
        Parameter(name=["-o", "--output"], allow_leading_hyphen=True, help="File; default standard output."),
    ] = None,
    config: _Config = None,
) -> int:
    """Sign the log's present state, to be kept outside this unit."""
    from hub.commands.audit import checkpoint as body

    return body(output=output, config=config)


@audit.command(name="report")
def audit_report(*, config: _Config = None, format: _Json = "text") -> int:  # noqa: A002
    """Print yearly statistics: look-ups, alerts, decisions, dispatches."""
    from hub.commands.audit import report as body

    return body(config=config, form=format)


# -------------------------------------------------------------------------------------------- watchlist


@watchlist.command(name="new-key")
def watchlist_new_key(file: Path) -> int:
    """Make a signer's key pair: FILE (secret, 0600) and FILE.pub."""
    from hub.commands.watchlists import new_key as body

    return body(file)


@watchlist.command(name="trust")
def watchlist_trust(issuer: str, *keys: Path, officer: _Officer = None, config: _Config = None) -> int:
    """Trust an issuer on this unit: its name and the public keys of its signers, at least two."""
    from hub.commands.watchlists import trust as body

    return body(issuer, keys, officer=officer, config=config)


@watchlist.command(name="build")
def watchlist_build(
    csv: Path,
    *,
    output: Annotated[Path, Parameter(name=["-o", "--output"])],
    name: str,
    issuer: str,
    authority: Annotated[str, Parameter(help="Legal authority under which it is issued.")],
    purpose: Annotated[str, Parameter(help="For faces one of the three of the charter; a wrong one names them.")],
    place: str,
    expires: Annotated[str, Parameter(help="ISO 8601 time, such as 2026-12-01T06:00Z.")],
    version: int = 1,
    photos: Annotated[
        Path | None, Parameter(name="--photos", help="Folder of reference photos: builds a face list.")
    ] = None,
    legal_basis: Annotated[str, Parameter(name="--legal-basis", help="Of a face list.")] = "",
    size: _Size = 0,
    unit: Annotated[
        tuple[Path, ...],
        Parameter(name="--unit", help="Unit that may open a face list: a file with what authority unit-key prints."),
    ] = (),
    false_alerts: _FalseAlerts = 0.02,
    threshold: _Threshold = None,
    calibration: _Calibration = None,
    config: _Config = None,
) -> int:
    """Build an unsigned list from a CSV file of records; every bad row is named and nothing is left out silently.

    With --photos it is a face list: each record names its photo, and everything is checked as by `watchlist check`.
    """
    if photos is not None:
        from hub.commands.face_lists import Request
        from hub.commands.face_lists import build as build_faces
        from hub.commands.watchlists import read_rows, read_time

        request = Request(read_rows(csv), photos, size, false_alerts, threshold, calibration, config)
        return build_faces(
            request,
            output=output,
            name=name,
            issuer=issuer,
            authority=authority,
            purpose=purpose,
            place=place,
            legal_basis=legal_basis,
            expires=read_time(expires),
            version=version,
            units=unit,
        )
    from hub.commands.watchlists import build as body

    return body(
        csv,
        output=output,
        name=name,
        issuer=issuer,
        authority=authority,
        purpose=purpose,
        place=place,
        expires=expires,
        version=version,
    )


@watchlist.command(name="check")
def watchlist_check(
    csv: Path,
    *,
    photos: Annotated[Path, Parameter(name="--photos", help="Folder of reference photos.")],
    size: _Size,
    false_alerts: _FalseAlerts = 0.02,
    threshold: _Threshold = None,
    calibration: _Calibration = None,
    config: _Config = None,
    format: _Json = "text",  # noqa: A002
) -> int:
    """Check records and reference photos before a face list is built of them; exits 1 where none may be.

    Columns: entry, name, photo, photo_date, category, legal_basis, issuing_authority, expires, instruction, reference.
    """
    from hub.commands.face_lists import Request
    from hub.commands.face_lists import check as body
    from hub.commands.watchlists import read_rows

    request = Request(read_rows(csv), photos, size, false_alerts, threshold, calibration, config)
    return body(request, form=format)


@watchlist.command(name="load")
def watchlist_load(file: Path, *, officer: _Officer = None, config: _Config = None) -> int:
    """Load a signed face list into this unit, in place of an older one of its name; hot-lists go by `import`."""
    from hub.commands.face_lists import load as body

    return body(file, officer=officer, config=config)


@watchlist.command(name="show")
def watchlist_show(file: Path, *, format: _Json = "text") -> int:  # noqa: A002
    """Show what a list says of itself, and believe none of it. A face list's entries are sealed for its units."""
    from hub.commands.watchlists import show as body

    return body(file, form=format)


@watchlist.command(name="calibrate")
def watchlist_calibrate(
    folder: Path,
    *,
    name: Annotated[str, Parameter(name="--name", help="What the research set is called.")],
    output: Annotated[
        Path | None,
        Parameter(name=["-o", "--output"], allow_leading_hyphen=True, help="File; default standard output."),
    ] = None,
    config: _Config = None,
) -> int:
    """Make a calibration of the face model from a research set, one folder a person, at least 100 people."""
    from hub.commands.calibrating import calibrate as body

    return body(folder, name=name, config=config, output=output)


@watchlist.command(name="sign")
def watchlist_sign(
    file: Path,
    *,
    key: Annotated[str, Parameter(name="--key", help="Secret key: a file, or pkcs11:... for one on a token.")],
) -> int:
    """Add one signer's signature; a list needs its issuer's two signers."""
    from hub.commands.watchlists import sign as body

    return body(file, key=key)


@watchlist.command(name="verify")
def watchlist_verify(file: Path, *, config: _Config = None, format: _Json = "text") -> int:  # noqa: A002
    """Verify a list against the issuers that this unit trusts; says what is wrong and exits 1 where it does not."""
    from hub.commands.watchlists import verify as body

    return body(file, config=config, form=format)


# ---------------------------------------------------------------------------------------------- the rest


@models.command(name="list")
def models_list(*, format: _Json = "text") -> int:  # noqa: A002
    """List model weights with licence, source and digest."""
    from hub.commands.models import list_models as body

    return body(form=format)


@models.command(name="check")
def models_check(*, format: _Json = "text") -> int:  # noqa: A002
    """Check every weight that is there against its digest; exits 1 where one that is needed is missing or wrong."""
    from hub.commands.models import check as body

    return body(form=format)


@models.command(name="pull")
def models_pull(*names: str) -> int:
    """Fetch weights by hash: those that wheels carry, or the named ones, from their publishers' addresses too."""
    from hub.commands.models import pull as body

    return body(names)


@phrase.command(name="list")
def phrase_list(
    *,
    topic: Annotated[str, Parameter(name="--topic", help="Sentences of this topic only.")] = "",
    language: Annotated[str, Parameter(name="--language", help="Code of one language, such as es.")] = "",
    format: _Json = "text",  # noqa: A002
) -> int:
    """List the phrasebook: its languages and English sentences, or one language's. Looks nothing up; needs no officer.

    Each language says whether a translator has signed it.
    """
    from hub.commands.phrases import list_phrases as body

    return body(topic=topic, language=language, form=format)


@phrase.command(name="say")
def phrase_say(
    name: Annotated[str, Parameter(help="The sentence, as `phrase list` names it.")],
    *,
    language: Annotated[str, Parameter(name="--language", help="Code of the language, such as es.")],
    silent: Annotated[bool, Parameter(name="--silent", negative="", help="Print it and say nothing.")] = False,
    format: _Json = "text",  # noqa: A002
) -> int:
    """Print one sentence, in Latin letters too, and say it aloud where espeak-ng is. Needs no officer.

    Exits 1 where it should have been said and was not, for example without a loudspeaker.
    """
    from hub.commands.phrases import say_phrase as body

    return body(name, language=language, silent=silent, form=format)


@phrase.command(name="translate")
def phrase_translate(
    text: str,
    *,
    to: Annotated[str, Parameter(name="--to", help="Code of the language that is wanted, such as es.")],
    source: Annotated[str, Parameter(name="--from", help="Code of the text's language.")] = "en",
    config: _Config = None,
    format: _Json = "text",  # noqa: A002
) -> int:
    """Translate free text with the translators that are installed: a machine's work, not evidence. Keeps nothing.

    What a prepared sentence says too is better said with `phrase say`. Needs no officer.
    """
    from hub.commands.phrases import translate as body

    return body(text, target=to, source=source, config=config, form=format)


@phrase.command(name="sign")
def phrase_sign(
    language: Annotated[str, Parameter(help="Code of the language.")],
    *,
    key: Annotated[Path, Parameter(name="--key", help="The translator's secret key, see watchlist new-key.")],
    name: Annotated[str, Parameter(name="--name", help="The translator's name and office.")],
    output: Annotated[Path, Parameter(name=["-o", "--output"], help="File of the signature.")],
) -> int:
    """Sign a language of the phrasebook, as the translator who has checked every sentence of it."""
    from hub.commands.phrases import sign as body

    return body(language, key=key, name=name, output=output)


@phrase.command(name="accept")
def phrase_accept(
    file: Path,
    *,
    key: Annotated[Path, Parameter(name="--key", help="The translator's public key, as it was handed over.")],
    officer: _Officer = None,
    config: _Config = None,
) -> int:
    """Accept a translator's signature on this unit; a changed sentence ends it."""
    from hub.commands.phrases import accept as body

    return body(file, key=key, officer=officer, config=config)


@plugins.command(name="list")
def plugins_list(*, config: _Config = None, format: _Json = "text") -> int:  # noqa: A002
    """List installed plugins without importing them: where each runs, and which are parked and why."""
    from hub.commands.plugins import list_plugins as body

    return body(config=config, form=format)


@plugins.command(name="check")
def plugins_check(name: str, *, config: _Config = None, format: _Json = "text") -> int:  # noqa: A002
    """Hold an installed plugin to its contract, in a process of its own, and to each named fault beside a neighbour.

    Names what failed and exits 1. It gets no settings and a state folder that is thrown away: no register is asked.
    """
    from hub.commands.plugins import check as body

    return body(name, config=config, form=format)


@plugins.command(name="new")
def plugins_new(
    name: str,
    *,
    folder: Annotated[Path | None, Parameter(name="--folder", help="Where it is put; default: ./NAME.")] = None,
) -> int:
    """Make a plugin with a record source that installs, loads and passes its own tests; NAME is its package as well."""
    from hub.commands.plugins import new as body

    return body(name, folder=folder)


@evaluate.command(name="calibrate")
def evaluate_calibrate(
    folder: Path,
    *,
    name: Annotated[str, Parameter(name="--name", help="What the research set is called.")],
    config: _Config = None,
) -> int:
    """Print what similarities of the face model mean, from a folder with one folder a person, at least 100."""
    from hub.commands.calibrating import calibrate as body

    return body(folder, name=name, config=config)


@evaluate.command(name="plates")
def evaluate_plates(folder: Path, *, config: _Config = None, format: _Json = "text") -> int:  # noqa: A002
    """Measure the plate reader on a folder of photos with truth files."""
    from hub.commands.evaluating import plates as body

    return body(folder, config=config, form=format)


@evaluate.command(name="faces")
def evaluate_faces(
    *,
    images: Annotated[Path, Parameter(name="--images", help="Photos, one folder a person.")],
    pairs: Annotated[Path, Parameter(name="--pairs", help="CSV: left,right,same.")],
    config: _Config = None,
    format: _Json = "text",  # noqa: A002
) -> int:
    """Measure face verification on a research set of at least 100 people."""
    from hub.commands.evaluating import faces as body

    return body(images, pairs, config=config, form=format)


@evaluate.command(name="openset")
def evaluate_openset(
    file: Path,
    *,
    images: Annotated[Path, Parameter(name="--images", help="Photos, one folder a person.")],
    config: _Config = None,
    format: _Json = "text",  # noqa: A002
) -> int:
    """Measure how listed people are told from strangers, on a research set of at least 100 people."""
    from hub.commands.evaluating import openset as body

    return body(file, images, config=config, form=format)


@evaluate.command(name="speech")
def evaluate_speech(folder: Path, *, config: _Config = None, format: _Json = "text") -> int:  # noqa: A002
    """Measure speech on a folder of clips (ogg, wav) with transcripts (txt); a clip's name tells its language."""
    from hub.commands.evaluating_speech import speech as body

    return body(folder, config=config, form=format)


@evaluate.command(name="crowd")
def evaluate_crowd(folder: Path, *, config: _Config = None, format: _Json = "text") -> int:  # noqa: A002
    """Measure face detection on photos of crowds; compares no faces."""
    from hub.commands.evaluating import crowd as body

    return body(folder, config=config, form=format)


_CHANGING: Final = frozenset(
    {
        ("import",),
        ("redact",),
        *(("officer", name) for name in ("add", "remove", "passphrase", "sign-in", "sign-out")),
        ("alerts", "adjudicate"),
        *(("watchlist", name) for name in ("new-key", "trust", "build", "load", "sign")),
        *(("authority", name) for name in ("publish", "revoke", "renew", "sign", "refresh", "order", "grant")),
        *(("authority", name) for name in ("init", "keys", "add-issuer", "people")),
        *(("phrase", name) for name in ("sign", "accept")),
        ("plugins", "new"),
    }
)
"""Commands that change something and print their answer when all of it is done."""


def _complain(text: str) -> None:
    """Print the one line of a command that did not succeed; without standard error the exit status says it alone."""
    with suppress(OSError):
        sys.stderr.write(f"patrol-hub: {text}\n")
        sys.stderr.flush()


def _status(error: Exception) -> int:
    """Tell of an error in one line on standard error, and return the exit status that goes with it."""
    hint = " See patrol-hub --help." if isinstance(error, cyclopts.CycloptsError) else ""
    _complain(f"{plain(str(error), limit=2000) or type(error).__name__}{hint}")
    return 1 if isinstance(error, NotAllowedError | StateError | NotReadableError) else 2


def _alone(error: BaseException) -> BaseException:
    """Return what a command ended with: the first error of tasks that ran side by side, where all are of one kind."""
    if isinstance(error, BaseExceptionGroup):
        first = _first(error)
        for kind in (HubError, KeyboardInterrupt, OSError):
            if isinstance(first, kind) and error.split(kind)[1] is None:
                return first
    return error


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def _ended(error: BaseException, words: Sequence[str], *, terminal: bool) -> int | None:
    """Tell of what ended a command, and return the exit status; None for what nobody foresaw."""
    if isinstance(error, cyclopts.CycloptsError | HubError):
        return _status(error)
    if isinstance(error, KeyboardInterrupt):
        return interrupts.INTERRUPTED
    if isinstance(error, BrokenPipeError) or (
        # The library that prints --help ends the process itself then.
        isinstance(error, SystemExit) and isinstance(error.__context__, BrokenPipeError)
    ):
        # The reader downstream went away; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, OutputError):
        # On a terminal a command may have shown something, and asked, before it changed anything.
        done = not terminal and app.parse_commands(list(words))[0] in _CHANGING
        _complain(f"the answer cannot be written: {error}" + ("; what was asked for is done" if done else ""))
        return 2
    if isinstance(error, OSError) and error.filename is None and not _output_works():
        _complain(f"the answer cannot be written: {error.strerror}")  # printed by a library, or without `console`
        return 2
    return None


def _output_works() -> bool:
    """Say whether standard output takes anything: an error that names no file may be its, or a fault of the hub."""
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError:
        return False
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Words after the program's name; default those of the process.

    Returns:
        The exit status.
    """
    words = list(sys.argv[1:] if arguments is None else arguments) or ["start"]
    terminal = sys.stdout.isatty()
    try:
        status = app(words, exit_on_error=False, print_error=False)
        sys.stdout.flush()  # what was printed has left, or it is told that it could not
    except BaseException as error:
        ended = _ended(_alone(error), words, terminal=terminal)
        if ended is None:
            raise
        return ended
    return status if isinstance(status, int) else 0


def _open_streams() -> None:
    """Put the null device in place of standard streams that were closed, and let no character stop an answer.

    A database would get the descriptor of a closed stream otherwise, and a library's complaint be written into it.
    """
    for descriptor, access in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:  # the lowest that is free, which is this one, is what the system gives
            os.set_inheritable(os.open(os.devnull, access), True)
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - as long as the process
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def script() -> None:
    """Entry point of the ``patrol-hub`` command."""
    try:
        _open_streams()
        status = main()
    except KeyboardInterrupt:
        status = interrupts.INTERRUPTED
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, KeyboardInterrupt):
            stream.flush()
    # Everything is closed by now. A thread that a stop left behind in a model would abort the process, instead of
    # ending with it, if it came back while the interpreter is taken down.
    os._exit(status)


interrupts.restore()  # commands handle Ctrl-C from here on
