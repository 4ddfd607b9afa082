"""What everything stands on: the database, the broker, the storage, and room on the disk."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from generations.services import installation, spool
from generations.services.doctor.finding import Finding, bad, ok, warn

MB = 1024 * 1024
LEAST, LITTLE = 500 * MB, 5_000 * MB
CHECK_DATABASE = "Start the database, and see that DATABASE_URL names it."


def database() -> Iterator[Finding]:
    about = "Database"
    if not installation.has_database():
        yield bad(about, "It does not answer.", CHECK_DATABASE)
        return
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    strange = set(executor.loader.applied_migrations) - set(executor.loader.disk_migrations or {})
    ours = sorted(name for app, name in strange if app == "generations")
    if plan:
        what = f"It answers, but {len(plan)} of its migrations are missing."
        yield bad(about, what, "Run manage.py migrate.")
    elif ours:
        what = f"It was migrated by a newer version ({ours[-1]})."
        yield bad(about, what, "Install that version here, too.")
    else:
        yield ok(about, f"{_name()} answers, and all migrations are applied.")


def _name() -> str:
    return "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"


def broker() -> Iterator[Finding]:
    if installation.has_broker():
        kind = "Redis" if settings.REDIS_URL else "The folder for messages"
        yield ok("Broker", f"{kind} answers.")
    else:
        remedy = "Start Redis, and see that REDIS_URL names it; until then the sweep does not ring."
        yield bad("Broker", "It does not answer.", remedy)


def storage() -> Iterator[Finding]:
    """Writes a small file and takes it away again."""
    name = f"doctor/{uuid.uuid4()}"
    try:
        try:
            kept = default_storage.save(name, ContentFile(b"doctor"))
        except Exception:
            default_storage.delete(name)  # a full disk keeps an empty file
            raise
        with default_storage.open(kept) as file:
            is_same = file.read() == b"doctor"
        default_storage.delete(kept)
    except Exception as error:
        # Each storage has errors of its own; their texts may hold addresses and keys.
        reason = getattr(error, "strerror", None) or type(error).__name__
        yield bad("Storage", f"It takes no files ({reason}).", _REMEDY)
        return
    if is_same:
        yield ok("Storage", "It takes files and gives them back.")
    else:
        yield bad("Storage", "It gave back something else than it was given.", _REMEDY)


_REMEDY = (
    "Make room, or see that the storage answers and may be written; paid answers wait on the "
    "workers' disks meanwhile."
)


def disk() -> Iterator[Finding]:
    """Of this host: the data folder, and the images where they lie in a folder."""
    folders = {"data folder": Path(settings.DATA)}
    if isinstance(default_storage, FileSystemStorage):
        folders["images"] = Path(default_storage.location)
    seen: set[int] = set()
    for name, folder in folders.items():
        while not folder.exists():
            folder = folder.parent
        if (device := folder.stat().st_dev) not in seen:
            seen.add(device)
            yield _room(name, shutil.disk_usage(folder).free)


def _room(name: str, free: int) -> Finding:
    about, what = "Disk", f"{_size(free)} are free for the {name}."
    remedy = "Make room: delete what is not needed, or give it a larger disk."
    if free < LEAST:
        return bad(about, f"Only {what[0].lower()}{what[1:]}", remedy)
    return warn(about, what, remedy) if free < LITTLE else ok(about, what)


def _size(count: int) -> str:
    return f"{count / MB / 1000:,.1f} GB" if count >= 1000 * MB else f"{count / MB:,.0f} MB"


def spool_here() -> Iterator[Finding]:
    """Answers of Venice that are paid for and lie on this host."""
    about = "Paid answers"
    waiting, stuck = spool.left()
    if stuck:
        yield warn(about, f"{stuck:,} on this host could not be settled.", STUCK)
    if waiting:
        what = f"{waiting:,} on this host have waited for more than a minute."
        yield warn(
            about, what, "Start a worker on this host: it settles them once all else answers."
        )
    if not waiting and not stuck:
        yield ok(about, "None wait on this host.")


STUCK = (
    f"Their files end in {spool.STUCK}, in the spool folder: the log says why; keep them until "
    "somebody has looked, for they are paid for."
)
