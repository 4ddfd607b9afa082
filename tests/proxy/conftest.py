import shutil

import pytest


@pytest.fixture(autouse=True, scope="session")
def _caddy():
    if not shutil.which("caddy"):
        pytest.skip("the proxy: there is no caddy on the PATH.")
