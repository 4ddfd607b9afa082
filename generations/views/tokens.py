"""My API tokens: the list, making one, revoking it, and how to use it."""

import uuid
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods, require_POST

from generations import queries
from generations.forms import mark_errors
from generations.models import ApiToken
from generations.models.token import Scope
from generations.services import token as services
from generations.services.errors import Invalid
from generations.views import words
from generations.views.access import Request, member, own_token
from generations.views.token_form import TokenForm

# Of those that ended, the newest are shown.
MOST_ENDED = 20


@require_http_methods(["GET", "HEAD", "POST"])
@member
def collection(request: Request) -> HttpResponse:
    if request.method != "POST":
        return _page(request, TokenForm(request.user))
    form = TokenForm(request.user, request.POST)
    if form.is_valid():
        try:
            token, text = services.create(request.user, **form.values)
        except Invalid as problem:
            form.add_problems(problem.fields)
        else:
            return _shown_once(request, token, text)
    mark_errors(form)
    return _page(request, form, status=422)


def _shown_once(request: Request, token: ApiToken, text: str) -> HttpResponse:
    # Not after a redirect: the text would have to be kept for that.
    response = _page(request, TokenForm(request.user), made=token, text=text)
    add_never_cache_headers(response)
    return response


def _page(
    request: Request,
    form: TokenForm,
    *,
    made: ApiToken | None = None,
    text: str = "",
    status: int = 200,
) -> HttpResponse:
    tokens = queries.own_tokens(request.user)
    working = queries.working_tokens(tokens)
    spent = queries.spent_by_token(working)
    context = {
        "section": "tokens",
        "form": form,
        "made": made,
        "text": text,
        "rows": [_row(token, spent.get(token.pk, Decimal(0))) for token in working],
        "ended": [_ended(token) for token in tokens.exclude(pk__in=working)[:MOST_ENDED]],
        "snippets": _snippets(text or f"{services.PREFIX}…"),
        "base": f"{settings.PUBLIC_URL}/v1",
    }
    return render(request, "settings/tokens.html", context, status=status)


def _row(token: ApiToken, spent: Decimal) -> dict[str, Any]:
    limit = token.monthly_usd
    return {
        "id": token.pk,
        "name": token.name,
        "last_four": token.last_four,
        "may": ", ".join(_SHORT[scope] for scope in token.scopes),
        "used": words.when(token.last_used_at) if token.last_used_at else "never",
        "until": words.date(token.expires_at) if token.expires_at else "no end",
        "spent": words.money(spent) + (f" of {words.limit(limit)}" if limit is not None else ""),
    }


_SHORT = {
    Scope.GENERATE.value: "make images",
    Scope.READ.value: "read",
    Scope.SHARE.value: "share",
    Scope.REVIEW.value: "review",
}


def _ended(token: ApiToken) -> dict[str, str]:
    if token.revoked_at:
        how = f"revoked {words.when(token.revoked_at)}"
    else:
        how = f"expired {words.when(token.expires_at)}" if token.expires_at else ""
    return {"name": token.name, "last_four": token.last_four, "how": how}


@require_POST
@member
def revoke(request: Request, pk: uuid.UUID) -> HttpResponse:
    token = own_token(request.user, pk)
    services.revoke(token, by=request.user)
    messages.success(request, f"“{token.name}” is revoked. It opens nothing from now on.")
    return redirect("settings-tokens")


def _snippets(text: str) -> list[dict[str, str]]:
    values = {"base": f"{settings.PUBLIC_URL}/v1", "token": text}
    return [
        {"id": name.lower().partition(" ")[0], "name": name, "code": code.format(**values).strip()}
        for name, code in _SNIPPETS.items()
    ]


_SNIPPETS = {
    "Python": """
from openai import OpenAI

client = OpenAI(base_url="{base}", api_key="{token}")
made = client.images.generate(prompt="A stone bridge", size="1024x1024")
print(made.data[0].url)
""",
    "Node": """
import OpenAI from "openai";

const client = new OpenAI({{ baseURL: "{base}", apiKey: "{token}" }});
const made = await client.images.generate({{ prompt: "A stone bridge", size: "1024x1024" }});
console.log(made.data[0].url);
""",
    "curl": """
curl {base}/images/generations \\
  -H "Authorization: Bearer {token}" \\
  -H "Content-Type: application/json" \\
  -d '{{"prompt": "A stone bridge", "response_format": "url"}}'
""",
}
