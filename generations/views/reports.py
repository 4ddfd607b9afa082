"""What people say about images to reviewers: reports, answers, appeals."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from generations import queries
from generations.models import Image
from generations.services import holding
from generations.services import review as services
from generations.services.errors import Invalid, NotPossible
from generations.views import images, words
from generations.views.access import Request, back_to, member, own_held_image, visible_image


@require_http_methods(["GET", "HEAD", "POST"])
@member
def report(request: Request, pk: uuid.UUID) -> HttpResponse:
    image = visible_image(request.user, pk)
    if request.method != "POST":
        return _form(request, image, {})
    given = request.POST
    try:
        holding.report(
            request.user, image=image, reason=given.get("reason", ""), words=given.get("words", "")
        )
    except holding.TooMany as problem:
        return _form(request, image, problem.fields, status=429)
    except Invalid as problem:
        return _form(request, image, problem.fields, status=422)
    messages.success(request, "Reported. Nobody sees it until a reviewer has looked at it.")
    return HttpResponseRedirect(back_to(request, reverse("gallery")), status=303)


def _form(
    request: Request, image: Image, problems: dict[str, str], status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "image": image,
        "prompt": words.clip(image.generation.prompt, 120),
        "reasons": holding.REPORTED_FOR.items(),
        "given": request.POST,
        "problems": problems,
        "limit": holding.WORDS_LIMIT,
    }
    return render(request, "images/report.html", context, status=status)


@require_POST
@member
def answer(request: Request, pk: uuid.UUID) -> HttpResponse:
    """The maker's answer to what a reviewer asked."""
    image = own_held_image(request.user, pk)
    case = queries.newest_cases([image]).get(image.pk)
    try:
        if case is None:
            raise NotPossible("Nobody asks anything about it.")
        services.answer(request.user, case=case, words=request.POST.get("words", ""))
    except Invalid as problem:
        return images.held_page(request, image, problem.fields, status=422)
    except NotPossible as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, "Sent. The reviewer reads it next.")
    return HttpResponseRedirect(reverse("image-detail", args=[pk]), status=303)


@require_POST
@member
def appeal(request: Request, pk: uuid.UUID) -> HttpResponse:
    image = own_held_image(request.user, pk)
    case = queries.newest_cases([image]).get(image.pk)
    decision = queries.decision_of(case) if case else None
    try:
        if decision is None:
            raise NotPossible("It is not rejected.")
        services.appeal(request.user, decision=decision, words=request.POST.get("words", ""))
    except Invalid as problem:
        return images.held_page(request, image, problem.fields, status=422)
    except NotPossible as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, "Sent. Another reviewer looks at it; what they decide is final.")
    return HttpResponseRedirect(reverse("image-detail", args=[pk]), status=303)


@require_POST
@member
def seen(request: Request) -> HttpResponse:
    """The maker has read what was decided."""
    services.mark_seen(request.user)
    return HttpResponseRedirect(back_to(request, reverse("studio")), status=303)
