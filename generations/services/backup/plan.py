"""Whether an archive fits this version: asked before anything is written."""

from dataclasses import dataclass, field

from django.apps.registry import Apps
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import StateApps

from generations.services.backup import rows
from generations.services.backup.tar import Unusable
from generations.services.backup.verify import Manifest, Table


@dataclass
class Plan:
    """How far the database is migrated before the rows come, and into which tables they go."""

    targets: list[tuple[str, str]]
    tables: dict[str, rows.Loader]
    manifest: Manifest = field(repr=False)


def plan(manifest: Manifest) -> Plan:
    """Raises Unusable: from a newer version, with parts that are not installed, unknown tables."""
    loader = MigrationLoader(connection)
    targets = [
        (app, name) for app, name in manifest.migrations.items() if app in loader.migrated_apps
    ]
    if any(target not in loader.graph.nodes for target in targets):
        raise Unusable(
            f"This archive was made by veniceweb {manifest.version[:20]}, which is newer than this "
            f"one ({settings.VERSION}): update this installation first."
        )
    state = loader.project_state(targets).apps
    known = _known(state)
    tables = {
        name: rows.Loader(known[name], table.columns)
        for name, table in manifest.tables.items()
        if _is_wanted(name, table, known, loader)
    }
    return Plan(targets, tables, manifest)


def _known(state: StateApps | Apps) -> dict[str, type]:
    models = state.get_models(include_auto_created=True)
    return {m._meta.db_table: m for m in models if m._meta.db_table not in rows.LEFT_OUT}


def _is_wanted(name: str, table: Table, known: dict[str, type], loader: MigrationLoader) -> bool:
    if name in known:
        return True
    if table.app in loader.migrated_apps:
        raise Unusable(f"This archive has a table that nothing here knows: {name[:60]!r}.")
    if table.rows:
        raise Unusable(
            f"This archive has {table.rows:,} rows of {name[:60]!r}, and {table.app[:40]!r} is not "
            "switched on here. Set what it needs (VENICEWEB_OIDC_URL for sign-in with a provider)."
        )
    return False
