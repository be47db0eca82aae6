"""`patrol-hub authority`: the command group. What the commands do stands in modules that each imports when called."""

from __future__ import annotations

from cyclopts import App

authority = App(name="authority", help="Say who may publish lists and sign orders; keep a unit's trust up to date.")
