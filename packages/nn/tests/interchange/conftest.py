import pytest
from llama_folders import make_model

from nn.interchange import save_llama


@pytest.fixture
def exported(tmp_path):
    """An exported model, and its folder."""
    model = make_model()
    save_llama(model, tmp_path / "model")
    return model, tmp_path / "model"
