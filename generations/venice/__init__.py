"""How we talk to Venice: the only folder that knows its protocol and the only door to httpx."""
