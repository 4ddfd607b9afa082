"""Figures as people read them: money, seconds, ratios, moments."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from generations.models.spend import Month
from generations.services.parameters import PIXEL_RATIOS, ratio_of


def money(amount: Decimal | None) -> str:
    """$0.04; as many places as the amount has, at least two; "price unknown" for None."""
    if amount is None:
        return "price unknown"
    places = max(2, min(6, -int(amount.normalize().as_tuple().exponent)))
    return f"${amount:,.{places}f}"


def rounded(amount: Decimal) -> str:
    """For what is worked out and not charged: $63, $6.30."""
    return f"${amount:,.0f}" if amount >= 10 else f"${amount:,.2f}"


def limit(amount: Decimal) -> str:
    """$20, $12.50."""
    return f"${amount:,.0f}" if amount == round(amount) else money(amount)


def balances(usd: Decimal | None, diem: Decimal | None) -> str:
    """$112.48 · 5.00 Diem; what Venice did not name is left out."""
    parts = [] if usd is None else [f"${usd:,.2f}"]
    return " · ".join(parts if diem is None else [*parts, f"{diem:,.2f} Diem"])


def each(amount: Decimal) -> str:
    """What one of many costs on average: 2.0 ¢, $1.20."""
    return f"{amount * 100:.1f} ¢" if amount < 1 else f"${amount:,.2f}"


def ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10)
    return f"{number}{ending or 'th'}"


def seconds(length: timedelta | float | None) -> str:
    """9.4 s; 62 s; 2 min 5 s."""
    if length is None:
        return ""
    value = length.total_seconds() if isinstance(length, timedelta) else length
    if value >= 120:
        return f"{int(value) // 60} min {int(value) % 60} s"
    return f"{value:.0f} s" if value >= 10 else f"{value:.1f} s"


def duration(value: float) -> str:
    """What is only roughly known: 40 s, 3 min, 2 h 5 min."""
    if value < 95:
        return f"{value:.0f} s"
    minutes = round(value / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count:,} jobs"


def privacy(tier: str) -> str:
    """Venice's word for who sees a prompt, as we spell it."""
    return {"anonymized": "anonymised"}.get(tier, tier)


def hours(length: timedelta) -> str:
    """3 hours, 2 days."""
    count = int(length.total_seconds() // 3600)
    return f"{count} hours" if count < 48 else f"{count // 24} days"


def days(length: timedelta) -> str:
    return "1 day" if length.days == 1 else f"{length.days:,} days"


def images(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"


def ratio(parameters: dict[str, Any], fallback: float = 1.0) -> str:
    """The ratio as it was asked for; of pixel sizes the nearest one that people know."""
    if asked := parameters.get("aspect_ratio"):
        return str(asked)
    across = fallback
    if parameters.get("width") and parameters.get("height"):
        across = parameters["width"] / parameters["height"]
    near = min(PIXEL_RATIOS, key=lambda text: abs(ratio_of(text) / across - 1))
    if abs(ratio_of(near) / across - 1) < 0.03:
        return near
    return f"{parameters.get('width')} × {parameters.get('height')}"


def day(moment: datetime) -> str:
    """Today, Yesterday, Thursday, 19 November, 3 March 2025; days to come have no weekday."""
    local, today = timezone.localtime(moment).date(), timezone.localdate()
    days = (today - local).days
    if days in (0, 1):
        return ("Today", "Yesterday")[days]
    text = f"{local.day} {local:%B}"
    if 0 < days < 7:
        return f"{local:%A}, {text}"
    return text if local.year == today.year else f"{text} {local.year}"


def month(one: Month) -> str:
    return f"{one.start:%B %Y}"


def date(moment: datetime) -> str:
    """30 November; 3 March 2025. For what is to come, where a weekday would mislead."""
    local = timezone.localtime(moment).date()
    text = f"{local.day} {local:%B}"
    return text if local.year == timezone.localdate().year else f"{text} {local.year}"


def when(moment: datetime) -> str:
    return f"{day(moment)}, {timezone.localtime(moment):%H:%M}"


def clip(text: str, most: int = 200) -> str:
    line = " ".join(text[: most * 2].split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
