"""What a service answers instead of doing what it was asked for."""


class Invalid(Exception):
    """The request cannot be done as it stands. `fields` maps a field's name to a sentence.

    The empty name stands for the whole request.
    """

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in fields.items()))
        self.fields = fields


class AgainstPolicy(Invalid):
    """The team's policy does not let it in."""


class OverBudget(Invalid):
    """It would cost more than somebody may still spend this month."""


class NoUsableKey(Invalid):
    """There is no key to pay with, or Venice refused it. `code`: no_key, bad_key, no_credit."""

    def __init__(self, fields: dict[str, str], *, code: str) -> None:
        super().__init__(fields)
        self.code = code


class NotPossible(Exception):
    """The thing is no longer in a state that allows it; the message is for the person."""
