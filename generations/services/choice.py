"""Which model somebody means: by id, by trait, by an alias of an admin's. Never a substitute."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from generations.models import ModelAlias, User, VeniceModel
from generations.services import catalogue, policy
from generations.services.catalogue import DEFAULT_TRAIT
from generations.services.parameters import Rules


@dataclass(frozen=True, slots=True)
class Choice:
    """A model that somebody may ask for now, with its rules and theirs: read once a request."""

    model: VeniceModel
    rules: Rules
    allowed: policy.Allowed


def offered_to(user: User) -> list[VeniceModel]:
    """Those that the team's policy lets this person use, the default one first."""
    return _usable(policy.for_user(user))


def _usable(allowed: policy.Allowed, pk: str | None = None) -> list[VeniceModel]:
    return [model for model in catalogue.offered(pk) if not allowed.model_problem(model)]


def chosen(user: User, name: str | None) -> Choice | None:
    """What this person means by a name: an id, a trait ("default", "fastest"), or an alias.

    Without a name the default one. None when nothing that they may use has that name, also when
    the default one is not for them: another model would have another price.
    """
    allowed = policy.for_user(user)
    # Most programs name an id, and the whole list is long.
    model = next(iter(_usable(allowed, name)), None) if name else None
    model = model or _by_word(name or DEFAULT_TRAIT, _usable(allowed))
    return Choice(model, catalogue.rules_for(model), allowed) if model else None


def _by_word(name: str, models: Sequence[VeniceModel]) -> VeniceModel | None:
    if name in (traits := traits_of(models)):
        return traits[name]
    alias = ModelAlias.objects.filter(name=name).first()
    return next((model for model in models if alias and model.id == alias.model_id), None)


def traits_of(models: Sequence[VeniceModel]) -> dict[str, VeniceModel]:
    """Trait -> the first of these models that has it."""
    found: dict[str, VeniceModel] = {}
    for model in models:
        for trait in catalogue.info(model).traits if model.spec.get("traits") else ():
            found.setdefault(trait, model)
    return found


def suggestions(user: User, name: str) -> list[str]:
    """Ids that somebody may have meant, likeliest first; what Venice names in its place before."""
    ids = [model.id for model in offered_to(user)]
    gone = VeniceModel.objects.filter(pk=name).first()
    successor = catalogue.info(gone).deprecation_replacement if gone else None
    near = get_close_matches(name.lower(), [pk.lower() for pk in ids], n=3, cutoff=0.6)
    found = [pk for low in near for pk in ids if pk.lower() == low]
    return list(dict.fromkeys([*([successor] if successor in ids else []), *(found or ids[:3])]))
