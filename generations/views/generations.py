"""Jobs: asking, one by one, watching, taking back, asking again."""

import uuid
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import (
    HttpResponseClientRedirect,
    HttpResponseClientRefresh,
    reswap,
    retarget,
)

from generations import queries
from generations.forms import SaveRecipeForm
from generations.models import Call, Generation, RecipeVersion
from generations.models.generation import State
from generations.services import generation as services
from generations.services.errors import Invalid, NotPossible
from generations.views import cards, composer, history, polling, studio, words
from generations.views.access import (
    Request,
    member,
    openable_generation,
    own_generation,
)


@require_http_methods(["GET", "HEAD", "POST"])
@member
def collection(request: Request) -> HttpResponse:
    return _create(request) if request.method == "POST" else history.history(request)


# --- asking -----------------------------------------------------------------------------------


def _create(request: Request) -> HttpResponse:
    try:
        form = composer.bound(request.user, request.POST)
    except composer.NothingOffered:
        return _invalid(request, None)
    if form.is_valid():
        try:
            made = services.submit(
                request.user,
                model=form.chosen.id,
                parameters=form.parameters,
                form_token=request.POST.get("form_token", "")[:64] or None,
                is_price_confirmed=bool(form.cleaned_data.get("confirm_price")),
                price_list=request.POST.get("price_list"),
                shown_price=_shown_price(request),
                made_from=composer.made_from(request.user, form.cleaned_data["made_from"]),
                visibility=form.cleaned_data["visibility"] or None,
            )
        except Invalid as problem:
            for name, sentence in problem.fields.items():
                form.add_error(name if name in form.fields else None, sentence)
        else:
            return _created(request, made)
    return _invalid(request, composer.redress(form))


def _shown_price(request: Request) -> Decimal | None:
    """The amount on the button, which the script sends along; without one nothing is compared."""
    try:
        amount = Decimal(request.POST.get("shown_price", ""))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _created(request: Request, made: list[Generation]) -> HttpResponse:
    if request.htmx:
        return _new_cards(request, made, form_token=services.new_token())
    if len(made) > 1:
        return redirect("studio")
    return redirect("generation-detail", made[0].pk)


def _new_cards(request: Request, made: list[Generation], *, form_token: str = "") -> HttpResponse:
    ids = [generation.pk for generation in made]
    mine = queries.own_generations(request.user).filter(pk__in=ids)
    context = {
        "cards": cards.cards(list(queries.with_cards(mine))),
        "poll": polling.poll(
            list(queries.with_places(queries.active(request.user))),
            shown=polling.read_marks(request.POST.get("seen", "")),
        ),
        "form_token": form_token,
        "announcement": "In the queue." if len(made) == 1 else f"{len(made)} jobs in the queue.",
        **studio.summary_for_fragment(request),
    }
    return render(request, "generations/_created.html", context)


def _invalid(request: Request, form: Any) -> HttpResponse:
    context = {"form": form}
    if request.htmx:
        response = render(request, "studio/_composer.html", context, status=422)
        return reswap(retarget(response, "#composer"), "outerHTML")
    return render(request, "studio/studio.html", {**context, **studio.page(request)}, status=422)


# --- one job ---------------------------------------------------------------------------------


@require_GET
@member
def detail(request: Request, pk: uuid.UUID) -> HttpResponse:
    generation = openable_generation(request.user, pk)
    card = cards.card(generation)
    if generation.user_id != request.user.pk:
        card.actions, card.can_cancel = [], False
        card.who = generation.user.display_name
    context = {
        "card": card,
        "prompt": generation.prompt,
        "negative_prompt": generation.negative_prompt,
        "facts": [*facts(generation), *_program(generation)],
        "calls": [_call(call) for call in generation.calls.all()],
        "poll": polling.poll([generation]) if generation.user_id == request.user.pk else None,
        "is_active": generation.is_active,
        "recipe_form": SaveRecipeForm(request.user, generation),
    }
    return render(request, "generations/detail.html", context)


_LABELS = {
    "aspect_ratio": "Ratio",
    "resolution": "Resolution",
    "quality": "Quality",
    "style_preset": "Style",
    "steps": "Steps",
    "cfg_scale": "Guidance",
    "lora_strength": "LoRA strength",
    "format": "Format",
    "safe_mode": "Safe mode",
    "hide_watermark": "Watermark left out",
    "embed_exif_metadata": "Prompt in the file",
    "enhance_prompt": "Prompt enhanced",
    "enable_web_search": "Web search",
}


def facts(generation: Generation | RecipeVersion) -> list[tuple[str, str]]:
    """What was asked for, as people read it."""
    asked = generation.parameters
    rows = [("Model", generation.model_name)]
    if asked.get("width"):
        rows.append(("Size", f"{asked['width']} × {asked['height']}"))
    rows += [(_LABELS[name], _said(asked[name])) for name in _LABELS if name in asked]
    if generation.seed is not None:
        rows.append(("Seed", str(generation.seed)))
    rows.append(("Images", str(generation.variants)))
    rows.append(("When", words.when(generation.created_at)))
    return rows


def _program(generation: Generation) -> list[tuple[str, str]]:
    """The program that asked for it, and for whom it said that it does."""
    rows = [("Asked by", str(generation.token))] if generation.token else []
    return rows + ([("For", generation.end_user)] if generation.end_user else [])


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def _call(call: Call) -> dict[str, str]:
    return {
        "when": words.when(call.started_at),
        "outcome": call.get_outcome_display(),
        "took": words.seconds(call.seconds),
        "cost": "may have been charged"
        if call.outcome == Call.Outcome.UNKNOWN
        else words.money(call.charged)
        if call.finished_at
        else "",
        "note": call.error_detail or call.error_code.replace("_", " "),
    }


# --- watching ---------------------------------------------------------------------------------


@require_GET
@member
def poll(request: Request) -> HttpResponse:
    """204 when the page is as it should be; else the changed cards and the poller again."""
    seen = polling.read_marks(request.GET.get("seen", ""))
    live = studio.is_live(request)
    # Of a job only what its mark is made of: most polls find nothing, and they come by the hundred.
    active = queries.with_places(queries.active(request.user))
    rows = [r for r in active.only("state", "version", "created_at") if live or r.pk in seen]
    marks = {row.pk: polling.mark(row) for row in rows}
    ids = {pk for pk in seen if pk not in marks} | {
        pk for pk, mark in marks.items() if seen.get(pk) != mark
    }
    fresh = polling.poll(rows)
    if not ids and fresh and str(fresh.interval) == request.GET.get("every"):
        return HttpResponse(status=204)
    if _is_own_page_of(request, set(seen) - set(marks)):
        return HttpResponseClientRefresh()
    changed = list(queries.with_cards(queries.own_generations(request.user).filter(pk__in=ids)))
    made = {uuid.UUID(card.id): card for card in cards.cards(changed)}
    context = {
        "cards": [card for pk, card in made.items() if pk in seen],
        "new_cards": [card for pk, card in made.items() if pk not in seen],
        "poll": fresh,
        "announcement": _announcement(changed),
        **studio.summary_for_fragment(request),
    }
    return render(request, "generations/_poll.html", context)


def _is_own_page_of(request: Request, ended: set[uuid.UUID]) -> bool:
    """Whether the page that polls is that of a job which has ended: more of it has changed than
    its card."""
    here = request.htmx.current_url_abs_path or ""
    return any(here == reverse("generation-detail", args=[pk]) for pk in ended)


def _announcement(changed: list[Generation]) -> str:
    ended = [row for row in changed if not row.is_active]
    if not ended:
        return ""
    if len(ended) > 1:
        return f"{len(ended)} jobs have ended."
    prompt = words.clip(ended[0].prompt, 60)
    is_held = any(picture.is_held for picture in ended[0].pictures)  # type: ignore[attr-defined]
    return {
        State.SUCCEEDED: f"{'Held for review' if is_held else 'Done'}: {prompt}",
        State.FAILED: f"Failed: {prompt}. {ended[0].error_message}",
        State.UNKNOWN: f"May have been charged: {prompt}",
        State.CANCELLED: f"Cancelled: {prompt}",
    }[State(ended[0].state)]


# --- acting -----------------------------------------------------------------------------------


@require_POST
@member
def cancel(request: Request, pk: uuid.UUID) -> HttpResponse:
    generation = own_generation(request.user, pk)
    try:
        was_queued = services.cancel(generation, by=request.user)
    except NotPossible as problem:
        messages.info(request, str(problem))
    else:
        if not was_queued:
            return _gone(request)
    return _card_again(request, pk)


def _gone(request: Request) -> HttpResponse:
    """After the cancel of a running job: its card goes, and a sentence says what that means."""
    messages.info(
        request, "It is running and cannot be unsent. What comes is kept, but not shown here."
    )
    if request.htmx:
        return render(request, "shared/_toasts_oob.html")
    return redirect("studio")


@require_POST
@member
def retry(request: Request, pk: uuid.UUID) -> HttpResponse:
    generation = own_generation(request.user, pk)
    token = request.POST.get("form_token", "")[:64] or None
    try:
        again = services.retry(generation, by=request.user, form_token=token)
    except Invalid as problem:
        messages.error(request, " ".join(problem.fields.values()))
        return _to(request, f"{reverse('studio')}?from={generation.pk}&use=all")
    services.dismiss(generation)
    if request.htmx and studio.is_live(request):
        return _new_cards(request, [again])
    return _to(request, reverse("generation-detail", args=[again.pk]))


@require_POST
@member
def dismiss(request: Request, pk: uuid.UUID) -> HttpResponse:
    services.dismiss(own_generation(request.user, pk))
    if request.htmx:
        return HttpResponse("")  # the card goes
    return redirect("studio")


def _to(request: Request, url: str) -> HttpResponse:
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)


def _card_again(request: Request, pk: uuid.UUID) -> HttpResponse:
    if not request.htmx:
        return redirect("generation-detail", pk)
    row = openable_generation(request.user, pk)
    return render(request, "generations/_card.html", {"card": cards.card(row)})
