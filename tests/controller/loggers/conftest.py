import pytest


@pytest.fixture(autouse=True, scope="session")
def no_tracking_server():
    """A developer's own tracking server is none of the tests' business."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield
