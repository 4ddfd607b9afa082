import shutil

import pytest

# A studio of real processes, as the faults have it.
from tests.faults.conftest import upstream, used  # noqa: F401


@pytest.fixture(autouse=True, scope="session")
def _caddy():
    if not shutil.which("caddy"):
        pytest.skip("there is no caddy on the PATH")
