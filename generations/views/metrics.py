"""/metrics for Prometheus: what all processes share, from the database; and the requests that this
process has answered, by the name of the address, so that no token or id becomes a label.

The one door to prometheus_client, which is an extra. Without it nothing is counted.
"""

from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from generations.services import watching
from generations.services.watching import Figures, Hour, Spread, Standing
from generations.views.access import may_watch

try:
    import prometheus_client as prometheus
    from prometheus_client.core import GaugeMetricFamily as Gauge
    from prometheus_client.core import Metric
except ImportError:  # pragma: no cover
    prometheus = None  # type: ignore[assignment]

MISSING = "Prometheus figures need one more package: pip install prometheus-client.\n"
# Seconds. A poll takes 10 ms, a program waits up to five minutes.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 300)

if prometheus:
    # When a series began is a second one for each, and nobody asks.
    prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]
    HERE = prometheus.CollectorRegistry()
    prometheus.ProcessCollector(namespace="veniceweb", registry=HERE)
    REQUESTS = prometheus.Counter(
        "veniceweb_http_requests",
        "Requests that this process has answered.",
        ["name", "method", "status"],
        registry=HERE,
    )
    SECONDS = prometheus.Histogram(
        "veniceweb_http_seconds",
        "How long this process took to answer.",
        ["name"],
        buckets=BUCKETS,
        registry=HERE,
    )


def count(name: str, method: str, status: int, seconds: float) -> None:
    """A request was answered. `name` and `method` are of a few known ones."""
    if prometheus:
        REQUESTS.labels(name, method, str(status)).inc()
        SECONDS.labels(name).observe(seconds)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not may_watch(request):
        raise Http404
    if not prometheus:
        return HttpResponse(MISSING, status=404, content_type="text/plain")
    shared = prometheus.CollectorRegistry()
    shared.register(_Shared(watching.figures()))
    body = prometheus.generate_latest(shared) + prometheus.generate_latest(HERE)
    answer = HttpResponse(body, content_type="text/plain; version=0.0.4; charset=utf-8")
    answer["Cache-Control"] = "no-store"
    return answer


# --- what they say --------------------------------------------------------------------------


class _Shared:
    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> "Iterator[Metric]":
        yield from _of_standing(self._figures.standing)
        yield from _of_accounts(self._figures.standing)
        yield from _of_hour(self._figures.hour)
        yield _gauge("spent_usd", "Spent this calendar month (UTC).", float(self._figures.spent))
        yield _gauge("images", "Images that are kept.", self._figures.images)
        yield _gauge("image_bytes", "Bytes of their originals.", self._figures.image_bytes)


def _gauge(name: str, says: str, value: float) -> Any:
    return Gauge(f"veniceweb_{name}", says, value=value)


def _gauges(name: str, says: str, labels: tuple[str, ...], values: dict[Any, float]) -> Any:
    """`values`: the labels' values -> the figure."""
    family = Gauge(f"veniceweb_{name}", says, labels=labels)
    for key, value in values.items():
        family.add_metric(key if isinstance(key, tuple) else (key,), value)
    return family


def _of_standing(now: Standing) -> "Iterator[Metric]":
    jobs = {(state, lane): 0 for state in ("queued", "calling") for lane in watching.LANES.values()}
    yield _gauges("jobs", "Jobs that wait or run.", ("state", "lane"), {**jobs, **now.jobs})
    oldest = dict.fromkeys(watching.LANES.values(), 0.0) | now.oldest
    yield _gauges("queue_oldest_seconds", "Age of the oldest queued job.", ("lane",), oldest)
    yield _gauge("jobs_maybe_charged", "Jobs whose cost a person has to say.", now.maybe_charged)
    yield _gauge("images_held", "Images that wait for a reviewer.", now.held)
    yield _gauge("webhooks_waiting", "Webhook messages to be sent.", now.webhooks_waiting)
    yield _gauge("webhooks_overdue", "Those due for over a minute.", now.webhooks_overdue)
    yield _gauge("workers", "Worker processes that live.", now.workers)
    yield _gauge("worker_places", "Calls that they make at once.", now.places)
    yield _gauge("beats", "Processes that ring for the sweep: one.", now.beats)


def _of_accounts(now: Standing) -> "Iterator[Metric]":
    names, accounts = ("account", "key"), {(a.name, a.key): a for a in now.accounts}
    for name, says in (
        ("limit", "Calls that may start in a minute."),
        ("used", "Calls that count in the minute now."),
        ("busy", "Calls under way."),
        ("closed_seconds", "Until the next call may start."),
    ):
        found = {key: getattr(account, name) for key, account in accounts.items()}
        yield _gauges(f"account_{name}", says, names, found)
    closed = {(*key, a.closed_for): 1.0 for key, a in accounts.items() if a.closed_for}
    yield _gauges("account_closed", "1: nothing starts for a while.", (*names, "why"), closed)
    stopped = {(*key, a.problem): 1.0 for key, a in accounts.items() if a.problem}
    yield _gauges("account_stopped", "1: nothing is sent any more.", (*names, "why"), stopped)


def _of_hour(hour: Hour) -> "Iterator[Metric]":
    calls = {key: float(number) for key, number in hour.calls.items()}
    labels = ("model", "lane", "outcome")
    yield _gauges("hour_calls", "Calls that began in the last hour.", labels, calls)
    took = {(model,): spread for model, spread in hour.took.items()}
    yield from _spreads("hour_call_seconds", "How long Venice took.", ("model",), took)
    says = "From asking to the first call."
    yield from _spreads("hour_wait_seconds", says, ("model", "lane"), hour.waited)


def _spreads(
    name: str, says: str, labels: tuple[str, ...], spreads: dict[Any, Spread]
) -> "Iterator[Metric]":
    """As gauges: of an hour that moves a summary's count would fall, which Prometheus takes for a
    restart."""
    parts = {
        (*key, f"{part:g}"): seconds
        for key, spread in spreads.items()
        for part, seconds in spread.quantiles.items()
    }
    yield _gauges(name, says, (*labels, "quantile"), parts)
    means = {key: spread.total / spread.count for key, spread in spreads.items()}
    yield _gauges(f"{name}_mean", f"{says} On average.", labels, means)
