"""Spending by day as a chart: every length worked out here, for the template may carry no style.

Widths are per cent of whatever room there is, heights are pixels.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import ceil
from typing import Any

from django.utils import timezone

from generations.models.spend import Month
from generations.views import words

HEIGHT = 190
NOTHING = Decimal(0)
# Of a day's width, how much its bar takes.
FILLED = Decimal("0.72")
# A limit further above the highest bar than this would press the bars flat.
FAR = 3


@dataclass(frozen=True, slots=True)
class Bar:
    day: int
    middle: str
    is_today: bool
    # Every fifth is labelled where there is little room.
    is_minor: bool
    x: str
    width: str
    title: str
    # Measured from above; the team's key stands below, people's own keys on top of it.
    team_y: float
    team_height: float
    own_y: float
    own_height: float


@dataclass(frozen=True, slots=True)
class Line:
    label: str
    y: float


@dataclass(frozen=True, slots=True)
class Chart:
    bars: list[Bar]
    lines: list[Line]
    # The budget, spread over the days; `is_beyond`: it lies above the chart.
    limit: Line | None
    is_beyond: bool
    has_own: bool
    summary: str
    # For the table: day, on the team's key, on people's own, both.
    rows: list[tuple[str, str, str, str]]
    height: int = HEIGHT


def chart(month: Month, days: list[dict[str, Any]], monthly: Decimal | None) -> Chart | None:
    """`days` from queries.spent_by_day; None when nothing was spent. `monthly`: the budget."""
    found = {row["day"]: row for row in days if row["spent"]}
    if not found:
        return None
    best = max(found.values(), key=lambda row: row["spent"])
    daily = monthly / month.days if monthly is not None else None
    is_near = daily is not None and daily <= best["spent"] * FAR
    step = _step(max(best["spent"], daily or NOTHING) if is_near else best["spent"])
    scale = _Scale(step, max(best["spent"], daily if daily and is_near else NOTHING))
    return Chart(
        bars=[_bar(month, number, found, scale) for number in range(1, month.days + 1)],
        lines=scale.lines,
        limit=_limit(daily, scale, is_near),
        is_beyond=not is_near,
        has_own=any(row["spent"] > row["team"] for row in found.values()),
        summary=f"Spent by day, most on {_said(best['day'])}: {words.money(best['spent'])}",
        rows=[_row(row) for row in found.values()],
    )


def _step(most: Decimal) -> Decimal:
    """The distance of the lines: 1, 2 or 5 times a power of ten, so that there are 3 to 6."""
    power = Decimal(1).scaleb(most.adjusted() - 1)
    return next(power * n for n in (1, 2, 5, 10, 20, 50) if power * n * 5 >= most)


class _Scale:
    def __init__(self, step: Decimal, most: Decimal) -> None:
        self.step, self.most = step, most

    def length(self, amount: Decimal) -> float:
        return round(float(amount / self._top) * HEIGHT, 1)

    def y(self, amount: Decimal) -> float:
        return round(HEIGHT - self.length(amount), 1)

    @property
    def _top(self) -> Decimal:
        return self.step * ceil(self.most / self.step)

    @property
    def lines(self) -> list[Line]:
        amounts = [self.step * n for n in range(int(self._top / self.step) + 1)]
        places = max(0, -int(self.step.normalize().as_tuple().exponent))
        places = max(2, places) if places else 0
        return [Line(f"${amount:,.{places}f}", self.y(amount)) for amount in amounts]


def _bar(month: Month, number: int, found: dict[date, Any], scale: _Scale) -> Bar:
    day = date(month.year, month.number, number)
    row = found.get(day, {"spent": NOTHING, "team": NOTHING})
    slot = Decimal(100) / month.days
    team, own = scale.length(row["team"]), scale.length(row["spent"] - row["team"])
    gap = 1.5 if team and own else 0
    return Bar(
        day=number,
        middle=_percent(slot * (number - Decimal("0.5"))),
        is_today=day == timezone.localdate(),
        is_minor=number % 5 != 0 and number != 1,
        x=_percent(slot * (number - 1 + (1 - FILLED) / 2)),
        width=_percent(slot * FILLED),
        title=f"{_said(day)}: {words.money(row['spent'])}" if row["spent"] else "",
        team_y=round(HEIGHT - team, 1),
        team_height=team,
        own_y=round(HEIGHT - team - own, 1),
        own_height=max(0.0, round(own - gap, 1)),
    )


def _limit(daily: Decimal | None, scale: _Scale, is_near: bool) -> Line | None:
    if daily is None:
        return None
    label = f"Budget, {words.limit(round(daily, 2))} a day"
    return Line(label, scale.y(daily) if is_near else 0)


def _row(row: dict[str, Any]) -> tuple[str, str, str, str]:
    team, spent = row["team"], row["spent"]
    return _said(row["day"]), words.money(team), words.money(spent - team), words.money(spent)


def _said(day: date) -> str:
    return f"{day.day} {day:%B}"


def _percent(value: Decimal) -> str:
    return f"{value:.2f}%"
