# SPDX-License-Identifier: MIT
"""Loads the asyncdump extension into GDB:  (gdb) source PATH/asyncdump-gdb.py

The package lies beside this file, in a checkout as in an installation, or in an installation's usual
place when only this file was copied (GDB's auto-load folders want it under the program's own name).
Sourcing it again loads it afresh.
"""

import os
import sys


def _load() -> None:
    name = "asyncdump_gdb"
    # Not __file__: in a file that another sourced file sources, it is the other's.
    beside = os.path.dirname(os.path.realpath(_load.__code__.co_filename))
    folders = [beside, "/usr/local/share/asyncdump/gdb", "/usr/share/asyncdump/gdb"]
    folder = next((f for f in folders if os.path.isdir(os.path.join(f, name))), None)
    if folder is None:
        raise RuntimeError(
            "asyncdump: the package %s lies neither in %s" % (name, " nor in ".join(folders))
        )
    if name in sys.modules:
        sys.modules[name].uninstall()
    for module in [m for m in sys.modules if m == name or m.startswith(name + ".")]:
        del sys.modules[module]
    sys.path.insert(0, folder)
    try:
        import asyncdump_gdb
    finally:
        sys.path.remove(folder)
    asyncdump_gdb.install()


_load()
