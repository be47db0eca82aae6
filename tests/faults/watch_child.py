"""A hub that watches under an order, in a process of its own: says when the list is open, ends the order when told.

python -m tests.faults.watch_child FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import trio

from hub.app import open_hub
from hub.watchlists.locked import forbid_dumps
from tests.kit_deploy import Deploy

ORDER = "order.json"


async def main(folder: Path) -> None:
    """Run the hub until the order was over and standard input ends."""
    deploy = Deploy(folder)
    async with open_hub(deploy.settings, deploy.state, clock=deploy.clock, plugins=deploy.plugins) as hub:
        ready = await deploy.sign_in(hub.unit)
        async with ready.watching((folder / ORDER).read_bytes()) as watching, trio.open_nursery() as nursery:
            hub.watch_under(watching)
            stop = trio.Event()
            nursery.start_soon(hub.run, stop)
            assert watching.watch.is_open
            print("open", flush=True)
            await trio.to_thread.run_sync(sys.stdin.readline)
            deploy.clock.advance(2 * 3600)
            await watching.watch.ended.wait()
            print("over", flush=True)
            await trio.to_thread.run_sync(sys.stdin.readline)
            stop.set()


if __name__ == "__main__":
    forbid_dumps()
    trio.run(main, Path(sys.argv[1]))
