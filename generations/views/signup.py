"""Signing up by oneself, where the policy lets people: with mail by a link in it, else at once."""

from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from generations.forms import mark_errors
from generations.services import signup as services
from generations.services.errors import Invalid
from generations.views.access import SecretRequest, Visitor, place_of, secret, stranger
from generations.views.team_form import AddressForm, NewPersonForm, SignUpForm, add_errors

TOO_MANY = "Too many tries. Wait an hour, then try again."
READY = "If this address was free, the account is ready: sign in with it."


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@stranger
def signup(request: Visitor) -> HttpResponse:
    if not services.is_open():
        return render(request, "account/signup_closed.html")
    if request.method != "POST":
        return _page(request, AddressForm() if settings.HAS_EMAIL else SignUpForm())
    form = AddressForm(request.POST) if settings.HAS_EMAIL else SignUpForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        return _sent(request, form) if settings.HAS_EMAIL else _made(request, form)
    except Invalid as problem:
        add_errors(form, problem.fields)
    except services.Closed:
        return redirect("account_signup")
    except services.TooMany:
        form.add_error(None, TOO_MANY)
        return _page(request, form, status=429)
    return _page(request, form, status=422)


def _sent(request: Visitor, form: AddressForm | SignUpForm) -> HttpResponse:
    services.ask(
        form.cleaned_data["email"],
        link_to=lambda token: _whole(reverse("account_signup_confirm", args=[token])),
        sign_in=_whole(reverse("account_login")),
        place=place_of(request),
    )
    return render(request, "account/signup_sent.html")


def _made(request: Visitor, form: AddressForm | SignUpForm) -> HttpResponse:
    given = form.cleaned_data
    services.sign_up(
        given["email"],
        name=given["name"],
        password=given["password1"],
        place=place_of(request),
    )
    messages.success(request, READY)
    return HttpResponseRedirect(reverse("account_login"), status=303)


def _whole(path: str) -> str:
    return f"{settings.PUBLIC_URL.rstrip('/')}{path}"


def _page(request: Visitor, form: AddressForm | SignUpForm, status: int = 200) -> HttpResponse:
    mark_errors(form)
    return render(request, "account/signup.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@secret
def confirm(request: SecretRequest, token: str) -> HttpResponse:
    """The link in the mail: a name and a password make the account."""
    if request.user.is_authenticated:
        return redirect("studio")
    try:
        email = services.email_of(token)
        form = NewPersonForm(request.POST or None, has_email=True)
        if request.method != "POST" or not form.is_valid():
            return _confirm(request, form, email)
        given = form.cleaned_data
        user = services.confirm(token, place=place_of(request), **given)
    except services.Closed:
        raise Http404 from None
    except Invalid as problem:
        add_errors(form, problem.fields)
        return _confirm(request, form, email)
    except services.TooMany:
        form.add_error(None, TOO_MANY)
        return _confirm(request, form, email, status=429)
    response: HttpResponse = perform_login(request, user, redirect_url=reverse("studio"))
    return response


def _confirm(
    request: SecretRequest, form: NewPersonForm, email: str, status: int = 0
) -> HttpResponse:
    mark_errors(form)
    context = {"form": form, "email": email, "role": "member"}
    status = status or (422 if form.errors else 200)
    return render(request, "invite/invite.html", context, status=status)
