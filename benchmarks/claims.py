"""What the queue costs with 10, 1,000 and 100,000 jobs in line, on SQLite and PostgreSQL.

Each line stands in a database of its own; one process asks them in turn, so that what else runs on
the machine slows all alike. A round takes jobs (`queue.claim`), ends them and puts as many back
(`queue.join`), so a line keeps its length; looks up the places of a person's 24 jobs, at the
front and at the back; and sweeps. Ten other accounts have nothing in line. What grows is named,
query by query; `--plans` prints how each database answers them.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from measure import POSTGRES, Upstream, installation, machine, p50_p95, stock, submit

SIZES = (10, 1_000, 100_000)
ROUNDS, CLAIMS, HISTORY, MINE, IDLE = 8, 8, 20_000, 24, 10
FLAT = 1.5


@dataclass(frozen=True)
class Kind:
    """How a line is made up. `analysed`: the database has looked at its statistics."""

    name: str
    people: int
    lanes: tuple[int, ...]
    analysed: bool = False


KINDS = (
    Kind("one person", 1, (0,)),
    Kind("50 people, both lanes", 50, (0, 1)),
    Kind("50 people, background", 50, (1,)),
)
SERVER_KINDS = (
    *(Kind(kind.name, kind.people, kind.lanes, analysed=True) for kind in KINDS),
    Kind("50 people, both lanes, never analysed", 50, (0, 1)),
)


@dataclass
class Line:
    kind: Kind
    size: int
    connection: Any
    milliseconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    queries: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    plans: dict[str, str] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plans", action="store_true", help="how each query is answered")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="veniceweb-benchmark-") as name:
        folder = Path(name)
        upstream = Upstream(folder, latency=0)
        try:
            with installation(folder, upstream, on_servers=False), _lines(folder) as lines:
                _silence_bells()
                _measure(lines, options.rounds)
                _say(lines, with_plans=options.plans)
        finally:
            upstream.end()


def _silence_bells() -> None:
    """The broker's share of a sweep is the same for every length."""
    from generations.services import bell

    bell.ring = lambda **when: None  # type: ignore[assignment]


# --- the lines ------------------------------------------------------------------------------


@contextmanager
def _lines(folder: Path) -> Iterator[list[Line]]:
    from django.db import connections

    ours = connections["default"]
    lines = []
    with _server_databases() as copy_of_server:
        for vendor, kinds in (("sqlite", KINDS), ("postgresql", SERVER_KINDS)):
            for kind in kinds:
                for size in SIZES:
                    if vendor == "sqlite":
                        connection = _copy_of_file(ours, folder / f"line-{len(lines)}.sqlite3")
                    else:
                        connection = copy_of_server(len(lines))
                    lines.append(Line(kind, size, connection))
                    _fill(lines[-1])
        try:
            yield lines
        finally:
            for line in lines:
                line.connection.close()
            connections["default"] = ours


def _copy_of_file(ours: Any, path: Path) -> Any:
    with ours.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(ours.settings_dict["NAME"], path)
    return _connection(**deepcopy(ours.settings_dict) | {"NAME": path})


@contextmanager
def _server_databases() -> Iterator[Callable[[int], Any]]:
    """Makes copies of a stocked PostgreSQL database, all dropped afterwards."""
    import environ
    import psycopg
    from django.db import connections

    first, names = f"veniceweb_benchmark_{os.getpid()}", []
    ours = connections["default"]
    with psycopg.connect(f"{POSTGRES}postgres", autocommit=True) as server:

        def make(number: int | None = None) -> Any:
            name = first if number is None else f"{first}_{number}"
            like = "" if number is None else f" template {first}"
            server.execute(f"create database {name}{like}")
            names.append(name)
            address = environ.Env.db_url_config(f"{POSTGRES}{name}")
            return _connection(**{**deepcopy(ours.settings_dict), **address, "OPTIONS": {}})

        try:
            connections["default"] = make()
            stock()
            connections["default"].close()
            connections["default"] = ours
            yield make
        finally:
            connections["default"] = ours
            for name in names:
                server.execute(f"drop database {name} with (force)")


def _connection(**settings: Any) -> Any:
    from django.db.utils import load_backend

    backend = load_backend(settings["ENGINE"])
    return backend.DatabaseWrapper(settings, alias="default")


def _fill(line: Line) -> None:
    """A history and idle accounts, the same for all, and the line: copies of one job."""
    from django.db import connections

    from generations.models import Account, Generation, User, VeniceKey

    connections["default"] = line.connection
    submit(1, width=64, height=64)
    User.objects.bulk_create(
        User(email=f"person{n}@example.com", name=f"Person {n}") for n in range(50)
    )
    first = Generation.objects.get()
    for number, user in enumerate(User.objects.order_by("-pk")[:IDLE]):
        account = Account.objects.create(pk=f"idle{number}")
        VeniceKey.objects.create(user=user, account=account, secret="-", last_four="idle")
    people = list(User.objects.order_by("pk").values_list("pk", flat=True)[1:])
    _copies(line, HISTORY, "'succeeded'", people, "0", "0")
    lanes, count = line.kind.lanes, line.kind.people
    lane = f"(i / {count}) % 2" if len(lanes) == 2 else str(lanes[0])
    turn = f"i / {count * len(lanes)}"
    _copies(line, line.size - 1, "'queued'", people[:count], lane, turn)
    Generation.objects.filter(pk=first.pk).update(user=people[0], lane=lanes[0])
    with line.connection.cursor() as cursor:
        if line.kind.analysed:
            cursor.execute("vacuum analyze")
        elif line.connection.vendor == "postgresql":
            # Else the server would look by itself before the run has ended.
            cursor.execute("alter table generations_generation set (autovacuum_enabled = false)")


def _copies(line: Line, count: int, state: str, people: list[int], lane: str, turn: str) -> None:
    """Copies of the one row, by the database itself: i counts them."""
    from generations.models import Generation

    is_sqlite = line.connection.vendor == "sqlite"
    values = {
        "id": "lower(hex(randomblob(16)))" if is_sqlite else "gen_random_uuid()",
        "user_id": f"{people[0]} + i % {len(people)}",
        "state": state,
        "finished_at": "null" if state == "'queued'" else "g.created_at",
        "lane": lane,
        "turn": turn,
    }
    columns = [column.column for column in Generation._meta.concrete_fields]
    chosen = ", ".join(values.get(column, f"g.{column}") for column in columns)
    with line.connection.cursor() as cursor:
        cursor.execute(
            "with recursive numbers(i) as "
            f"(select 0 union all select i + 1 from numbers where i < {count - 1}) "
            f"insert into generations_generation ({', '.join(columns)}) "
            f"select {chosen} from numbers, "
            "(select * from generations_generation where state = 'queued' limit 1) g"
        )


# --- measuring ------------------------------------------------------------------------------


def _measure(lines: list[Line], rounds: int) -> None:
    for number in range(rounds + 1):
        for line in lines:
            _round(line)
        if number == 0:  # connections, caches and statements are warm then
            for line in lines:
                line.milliseconds.clear()
                line.queries.clear()


def _round(line: Line) -> None:
    from django.db import connections

    from generations.services import queue

    connections["default"] = line.connection
    for _ in range(CLAIMS):
        call = _timed(line, "claim", queue.claim)
        assert call is not None
        _end(call)
        _put_in(line, call.generation)
    for name, jobs in zip(("places, front", "places, back"), _somebodys(line), strict=True):
        _timed(line, name, lambda rows=jobs: list(rows))
    _timed(line, "sweep", lambda: queue.sweep(16))


def _timed(line: Line, name: str, act: Callable[[], Any]) -> Any:
    began = time.perf_counter()
    with line.connection.execute_wrapper(_Noting(line, name)):
        found = act()
    line.milliseconds[name].append((time.perf_counter() - began) * 1000)
    return found


class _Noting:
    """Notes how long each query takes, and once how it is answered."""

    def __init__(self, line: Line, name: str) -> None:
        self._line, self._name = line, name

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        found = execute(sql, params, many, context)
        query = f"{self._name}: {sql}"
        self._line.queries[query].append((time.perf_counter() - began) * 1000)
        if query not in self._line.plans and sql.startswith(("SELECT", "UPDATE")):
            self._line.plans[query] = _plan(self._line.connection, sql, params)
        return found


def _plan(connection: Any, sql: str, params: Any) -> str:
    """With the same bound parameters: they decide whether SQLite may use a partial index."""
    word = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    # Not connection.cursor(), whose queries are noted.
    with closing(connection.create_cursor()) as cursor:
        cursor.execute(f"{word} {sql}", params)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def _end(call: Any) -> None:
    from django.db.models.functions import Now

    from generations.models import Call, Generation

    Call.objects.filter(pk=call.pk).update(outcome=Call.Outcome.ARRIVED, finished_at=Now())
    rows = Generation.objects.filter(pk=call.generation_id)
    rows.update(state="succeeded", finished_at=Now(), lease_until=None)


def _put_in(line: Line, ended: Any) -> None:
    from django.db import transaction

    from generations.models import Generation
    from generations.services import queue

    row = Generation(
        user=ended.user,
        key=ended.key,
        model=ended.model,
        model_name=ended.model_name,
        prompt=ended.prompt,
        parameters=ended.parameters,
        catalogue_entry=ended.catalogue_entry,
    )
    _ = row.user, row.key  # submit has them at hand
    join = transaction.atomic(lambda: queue.join([row], lane=Generation.Lane(ended.lane)))
    _timed(line, "join", join)
    row.save(force_insert=True)


def _somebodys(line: Line) -> tuple[Any, Any]:
    """A person's 24 active jobs: those that come next, and those that come last."""
    from generations import queries
    from generations.models import Generation

    rows = Generation.objects.filter(state="queued").order_by("lane", "turn", "created_at")
    front = list(rows.values_list("pk", flat=True)[:MINE])
    back = list(rows.reverse().values_list("pk", flat=True)[:MINE])
    return tuple(
        queries.with_places(Generation.objects.filter(pk__in=ids)) for ids in (front, back)
    )


# --- saying it ------------------------------------------------------------------------------


def _say(lines: list[Line], *, with_plans: bool) -> None:
    groups: dict[tuple[str, Kind], list[Line]] = defaultdict(list)
    for line in lines:
        groups[line.connection.vendor, line.kind].append(line)
    for (vendor, kind), group in groups.items():
        print(f"\n{vendor}, {kind.name}")
        for name in group[0].milliseconds:
            _say_one(name, [line.milliseconds[name] for line in group])
        _say_growing(group[0], group[-1])
        if with_plans:
            for query, plan in group[-1].plans.items():
                print(f"\n    {query}\n" + "\n".join(f"      | {row}" for row in plan.splitlines()))
    sys.stdout.flush()


def _say_one(name: str, values: list[list[float]]) -> None:
    figures = [p50_p95(each) for each in values]
    ratios = [p50 / figures[0][0] for p50, _ in figures[1:]]
    said = " | ".join(f"{p50:6.2f} / {p95:6.2f} ms" for p50, p95 in figures)
    verdict = "" if max(ratios) <= FLAT else f"  ABOVE {FLAT}"
    print(f"  {name:<14}{said} | x {', '.join(f'{ratio:.2f}' for ratio in ratios)}{verdict}")


def _say_growing(short: Line, long: Line) -> None:
    """The queries that make a long line slower."""
    for query, values in long.queries.items():
        before = short.queries.get(query)
        if not before or query.partition(": ")[2].startswith(("SAVEPOINT", "RELEASE")):
            continue
        (then, _), (now, _) = p50_p95(before), p50_p95(values)
        if now > then * FLAT and now - then > 0.2:
            print(f"    grows {then:.2f} -> {now:.2f} ms: {query[:1500]}")


if __name__ == "__main__":
    main()
