"""What `load.py` says at the end."""

from statistics import linear_regression, mean, median, quantiles
from typing import Any

from crowd import Book
from fleet import Sampler

PAGES = ("studio", "gallery", "image page")
FLOOR = 100


def kinds(book: Book, late: list[float]) -> None:
    print("\n| ms | count | p50 | p95 | p99 | most |\n|---|---|---|---|---|---|")
    took = {**book.took, "API answer after the job’s end": _after_the_end(book)}
    for kind, values in sorted(took.items()):
        if len(values) > 1 and kind != "slow reader’s bytes":
            print(_line(kind, values))
    print(_line("(the generator’s own lateness)", late))
    print(f"slow readers took {len(book.took['slow reader’s bytes'])} pieces")


def _line(kind: str, values: list[float]) -> str:
    cuts = quantiles(values, n=100, method="inclusive")
    figures = " | ".join(f"{value:.0f}" for value in (cuts[49], cuts[94], cuts[98], max(values)))
    return f"| {kind} | {len(values)} | {figures} |"


def _after_the_end(book: Book) -> list[float]:
    from generations.models import Generation

    ends = Generation.objects.filter(pk__in=book.answered).values_list("pk", "finished_at")
    return [(book.answered[str(pk)] - end.timestamp()) * 1000 for pk, end in ends if end]


def errors(book: Book) -> None:
    print(f"\nerrors: {book.errors.total()}", *(f"{n} × {what}" for what, n in book.errors.items()))
    print(f"connections that the server had closed and were opened again: {book.reopened}")


def memory(sampler: Sampler) -> None:
    times = [seconds for seconds, _, _ in sampler.samples]
    print("\n| PSS | MB at first | at last | most | MB a minute |\n|---|---|---|---|---|")
    names = list(sampler.samples[0][2])
    columns = {name: [parts[name] for _, _, parts in sampler.samples] for name in names}
    columns["all"] = [sum(row) for row in zip(*columns.values(), strict=True)]
    for name, values in columns.items():
        slope = linear_regression(times, values).slope * 60 if len(values) > 2 else 0
        print(f"| {name} | {values[0]:.0f} | {values[-1]:.0f} | {max(values):.0f} | {slope:+.2f} |")


def processors(sampler: Sampler) -> None:
    print("\n| CPU | cores |\n|---|---|")
    for name, seconds in sampler.cpu.items():
        print(f"| {name} | {seconds / sampler.seconds:.2f} |")


def images(sampler: Sampler) -> None:
    """Of the worker alone; the rest was spent on pages, polls and waiting as well."""
    if not sampler.images:
        return
    worker = sampler.cpu["worker"] / sampler.images * 1000
    ours = sum(sampler.cpu[name] for name in ("web", "worker", "beat", "PostgreSQL", "Redis"))
    print(
        f"\n{sampler.images} images, {sampler.images / sampler.seconds:.2f} a second; CPU seconds "
        f"per 1,000: worker {worker:.0f}, all of the load {ours / sampler.images * 1000:.0f}"
    )


def steps(rows: list[tuple[int, dict[str, list[float]], Any]]) -> None:
    print("\n| waiting | pages p50 / p95 ms | web MB | kB for each that waits | web cores |")
    print("|---|---|---|---|---|")
    first = 0.0
    for wanted, took, sampler in rows:
        pages = [value for kind in PAGES for value in took.get(kind, [])]
        cuts = quantiles(pages, n=100, method="inclusive")
        there = median(waiting for _, waiting, _ in sampler.samples)
        web = mean(parts["web"] for _, _, parts in sampler.samples)
        first = first or web
        each = f"{(web - first) * 1024 / there:.0f}" if there else ""
        verdict = "" if cuts[94] <= FLOOR else f" ABOVE {FLOOR}"
        cores = sampler.cpu["web"] / sampler.seconds
        print(
            f"| {there:.0f} of {wanted} | {cuts[49]:.0f} / {cuts[94]:.0f}{verdict} "
            f"| {web:.0f} | {each} | {cores:.2f} |"
        )
