"""Settings of everything under `hub.plates`. Frozen; filled by `hub.config`, read nowhere else from the environment."""

from __future__ import annotations

from msgspec import Struct


class PlateSettings(Struct, frozen=True):
    """What an operator may set about plates."""

    home: tuple[str, ...] = ()
    """Jurisdictions expected here, ISO 3166-1 alpha-2 or with a subdivision (``US-CA``); a country stands for all of
    its subdivisions. Their grammars get a higher prior; no other plate is ruled out."""
    home_weight: float = 20.0
    """How many times likelier a plate of a home jurisdiction is than one of any other, at least 1."""
    false_alerts_per_ten_thousand: float = 1.0
    """Expected false alerts in 10,000 reads of unlisted plates, from which the cost limit of a hot-list follows."""
    alternatives: int = 5
    """Most readings to give for one region, at least 1."""
    minimum_aspect: float = 1.2
    """Least width over height of a line of text; narrower is `Reason.WRONG_SHAPE`."""
    maximum_aspect: float = 9.0
    """Greatest width over height of a line of text; wider is `Reason.WRONG_SHAPE`."""
    maximum_slope: float = 0.7
    """Greatest rise over run of a line of text; steeper is `Reason.WRONG_SHAPE`."""
    caption_rim: float = 0.05
    """Share of the picture's height at its upper and lower rim in which captions are burnt in: small text there is
    `Reason.WRONG_SHAPE`."""
    caption_height: float = 0.035
    """Height of text, as a share of the picture's, below which it counts as small at the rim."""
    minimum_height: float = 9.0
    """Least height of a line of text in pixels; lower is `Reason.TOO_SMALL`."""
    minimum_sharpness: float = 0.1
    """Least detail, as `hub.vision.quality.sharpness` measures it; less is `Reason.BLURRED`."""
    minimum_character: float = 0.3
    """Least probability of every character; less is `Reason.LOW_CHARACTER`."""
    minimum_odds: float = 0.9
    """Least log odds that a region is a plate, by what it says and how it looks; less is `Reason.NO_GRAMMAR`: lettering
    explains it better."""
    lone_odds: float = -4.5
    """The same for the only text of a picture that could be a plate."""
    lone_character: float = 0.5
    """Least probability of every character of such a text."""
    lone_length: int = 5
    """Fewest characters of such a text: shorter ones are too often parts of signs."""
    lone_width: float = 0.1
    """Least width of such a text, as a share of the picture's: it belongs to the vehicle that the picture is of."""
    minimum_score: float = 0.5
    """Least probability of the detector that this is text; less is `Reason.NOT_A_PLATE`."""
    shortest_text: int = 3
    """Fewest letters and digits that a plate shows; fewer is `Reason.NOT_A_PLATE`."""
    longest_text: int = 12
    """Most letters and digits that a plate shows, emblems included; more is `Reason.NOT_A_PLATE`."""
    maximum_strange: float = 0.25
    """Greatest share of characters that no plate bears, such as small letters; more is `Reason.NOT_A_PLATE`."""
