"""Colours: a dark theme for the car at night, and one of high contrast. No sign is told apart by its colour alone."""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

NIGHT: Final = Theme(
    name="night",
    primary="#3f78b0",
    secondary="#6c7f94",
    accent="#d09a3a",
    warning="#d09a3a",
    error="#d05050",
    success="#5aa860",
    foreground="#c4ccd4",
    background="#0b0e12",
    surface="#11161c",
    panel="#19202a",
    dark=True,
)
CONTRAST: Final = Theme(
    name="contrast",
    primary="#ffff00",
    secondary="#ffffff",
    accent="#ffff00",
    warning="#ffff00",
    error="#ff6060",
    success="#60ff60",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000000",
    dark=True,
    variables={
        "footer-key-foreground": "#ffff00",
        "footer-background": "#000000",
        "input-cursor-background": "#ffff00",
    },
)
