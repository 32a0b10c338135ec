"""The heavy libraries are imported at the first call that needs them, by one thread at a time.

simple-salesforce imports zeep, whose modules import each other. Threads that enter such a circle at different
places wait for each other's module; CPython breaks that deadlock by handing one of them a half-made module
(`cannot import name … from partially initialized module`). So whoever imports them holds this lock.
"""

from __future__ import annotations

import threading

IMPORTING = threading.RLock()
