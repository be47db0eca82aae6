"""The line with the keys that do something now.

Textual's own footer makes a widget of each key each time that one is offered or not any more, which took most of the
time that a key took.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual.screen import Screen
from textual.widget import Widget


class KeyLine(Widget):
    """One line at the bottom of a screen; it holds nothing and asks the screen each time that it is drawn."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-line--key"}
    DEFAULT_CSS = """
    KeyLine { dock: bottom; height: 1; color: $footer-foreground; background: $footer-background; }
    KeyLine .key-line--key { color: $footer-key-foreground; background: $footer-background; text-style: bold; }
    """

    def on_mount(self) -> None:
        """Be told when other keys are offered."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, _: Screen[Any]) -> None:
        self.refresh()

    def render(self) -> Text:
        """Return each key and what it does, once for each action."""
        style = self.get_component_rich_style("key-line--key")
        line, actions = Text(no_wrap=True, end=""), set()
        for _, binding, enabled, _ in self.screen.active_bindings.values():
            if binding.show and enabled and binding.action not in actions:
                actions.add(binding.action)
                line.append(f" {self.app.get_key_display(binding)} ", style).append(f"{binding.description} ")
        line.truncate(self.size.width, overflow="ellipsis")
        return line
