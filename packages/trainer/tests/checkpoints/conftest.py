import pytest

from trainer import save_checkpoint

from .pairs import build, trained


@pytest.fixture
def saved(tmp_path):
    """The folder of a checkpoint."""
    save_checkpoint(*trained(*build()), 5, tmp_path / "step")
    return tmp_path / "step"
