"""What a service answers instead of doing what it was asked for."""


class Invalid(Exception):
    """The request cannot be done as it stands. `fields` maps a field's name to a sentence.

    The empty name stands for the whole request.
    """

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in fields.items()))
        self.fields = fields


class NotPossible(Exception):
    """The thing is no longer in a state that allows it; the message is for the person."""
