"""Content-addressed artifacts and the stage index in a local folder.

    artifacts/ab/<digest>/   files and manifest.json, read-only, never changed
    index/ab/<key>.json      a finished stage and the digests of what it made
    tmp/<name>/              a folder that is being filled, beside the lock of its owner
    damaged/                 what was found damaged and moved aside
    verified/, latest/       hints, which may be lost or torn
    locks/                   empty files to lock

Why a kill or a power cut at any instant leaves it whole:

1. An artifact's files, its manifest and its folders are synced under tmp/. One rename makes them
   visible, and the folder that holds the new name is synced before `Store.commit` returns. So an
   artifact that can be seen is complete, and one that was acknowledged stays.
2. `Store.put` comes after `commit`. It writes the entry under a temporary name beside its place,
   syncs it, renames it, and syncs the folder. So an entry that can be seen is complete, and the
   artifacts it names had been made durable before it had any name at all.
3. Whoever finds an artifact in place syncs the name once more before relying on it, because the
   process that put it there may not have come to that.
4. Nothing that is acknowledged depends on hints: without them files are hashed again.
5. Every lock is a `flock` that ends with its holder; a lock file says nothing by being there.
6. If the disk breaks its promise all the same, `Store.check` finds it by the digests, and the
   stage is repeated.

One artifact with one file costs four syncs (file, manifest, folder, name), its entry two (file,
name); the first use of a two-character folder one more, for the name of that folder.
"""

from mlops.store.clearing import Garbage, Piece
from mlops.store.entry import Entry, OutputRef
from mlops.store.local import Store

__all__ = ["Entry", "Garbage", "OutputRef", "Piece", "Store"]
