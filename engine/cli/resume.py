"""``engine resume``: lifts every halt."""

from __future__ import annotations

from engine.cli.assemble import now_ns
from engine.cli.console import print_json
from engine.cli.errors import ExitCode
from engine.cli.options import ConfigOption, JsonOption
from engine.settings import load_settings
from state import open_store, remove_halt_file


def command(config: ConfigOption = None, json: JsonOption = False) -> int:
    """Let entries go on: lifts halts of people and of guards, and removes the file HALT beside the store.

    A guard whose condition still does not hold stops entries again at the next order.
    """
    path = load_settings(config).store.path
    if path.exists():
        store = open_store(path)
        lifted = store.halts.resume(now_ns())
        store.close()
    else:
        remove_halt_file(path)
        lifted = []
    if json:
        print_json({"halted": False, "lifted": lifted})
        return ExitCode.GOOD
    for halt in lifted:
        print(f"lifted: {halt['by']}: {halt['reason']}")
    print("entries may go on" if lifted else "nothing was halted; entries may go on")
    return ExitCode.GOOD
