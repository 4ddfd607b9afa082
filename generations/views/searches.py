"""Saved searches: keeping one under a name, and letting it go."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from generations import queries
from generations.services import search as services
from generations.services.errors import Invalid
from generations.views.access import Request, back_to, member, own_search


@require_POST
@member
def save(request: Request) -> HttpResponse:
    query = request.POST.get("query", "")[:4000]
    try:
        saved = services.save(request.user, name=request.POST.get("name", ""), query=query)
    except Invalid as problem:
        messages.error(request, " ".join(problem.fields.values()))
        query = queries.read_filters(query).query()
    else:
        messages.success(request, f"Saved as “{saved.name}”.")
        query = saved.query
    return redirect(f"{reverse('gallery')}{'?' if query else ''}{query}")


@require_POST
@member
def delete(request: Request, pk: uuid.UUID) -> HttpResponse:
    saved = own_search(request.user, pk)
    services.remove(saved)
    messages.success(request, f"The search “{saved.name}” is gone. Its images are not.")
    return redirect(back_to(request, reverse("gallery")))
