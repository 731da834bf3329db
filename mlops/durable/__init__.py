"""Writes that survive a kill and a power cut, and locks that the kernel frees.

A file or folder is made under another name on the same file system, synced, renamed into place,
and then the folder that holds the new name is synced. Whoever looks sees the old state or the
whole new one; once the call has returned, so does whoever looks after a power cut.

Locks are ``flock`` locks on an open descriptor: they end with their holder, however it ends.
"""

from mlops.durable.failures import disk_trouble, writing
from mlops.durable.files import (
    TEMPORARY,
    make_folder,
    publish,
    remove_tree,
    sync_folder,
    sync_tree,
    write_atomic,
    write_hint,
    write_synced,
)
from mlops.durable.locks import Lock, is_locked, locked, try_lock

__all__ = [
    "TEMPORARY",
    "Lock",
    "disk_trouble",
    "is_locked",
    "locked",
    "make_folder",
    "publish",
    "remove_tree",
    "sync_folder",
    "sync_tree",
    "try_lock",
    "write_atomic",
    "write_hint",
    "write_synced",
    "writing",
]
