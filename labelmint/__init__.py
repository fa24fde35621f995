"""Turn a handful of labelled texts and a local language model into training data and a text classifier."""

import os
import sys

# Before any library reads them: nobody is told that a library is used.
for _switch in ("HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK", "DISABLE_TELEMETRY"):
    os.environ.setdefault(_switch, "1")

# As a command, not as a library: imports take seconds, in which Ctrl-C must leave no traceback.
_module = sys.orig_argv[2] if sys.orig_argv[1:2] == ["-m"] else ""
if _module.startswith(("stages.", "labelmint.", "experiments.")) or sys.argv[0].endswith("/bin/labelmint"):
    from labelmint.core.errors import stop_at_once

    stop_at_once(_module.removeprefix("stages.") or "labelmint")
