import stat

import pytest

from nn.interchange import InterchangeError, whole_folder


def fill(path, text="new", **options):
    with whole_folder(path, **options) as folder:
        (folder / "config.json").write_text(text)
        assert folder.parent == path.parent  # so that it can be renamed


def test_it_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "deep" / "model"
    with whole_folder(path) as folder:
        (folder / "config.json").write_text("x")
        (folder / "private").touch(mode=0o600)
        assert not path.exists()
    assert sorted(file.name for file in path.iterdir()) == ["config.json", "private"]
    assert list(path.parent.iterdir()) == [path]
    modes = {stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()}
    assert len(modes) == 1


def test_an_error_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="full"), whole_folder(tmp_path / "model") as folder:
        (folder / "config.json").write_text("x")
        raise RuntimeError("full")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "model").mkdir()
    fill(tmp_path / "model")
    assert (tmp_path / "model" / "config.json").read_text() == "new"


def test_a_model_is_replaced_only_with_overwrite(tmp_path):
    path = tmp_path / "model"
    fill(path, "old")
    (path / "more").touch()
    with pytest.raises(InterchangeError, match="model is not empty: choose another name, or allow"):
        fill(path)
    assert (path / "config.json").read_text() == "old"
    fill(path, overwrite=True)
    assert [file.name for file in path.iterdir()] == ["config.json"]
    assert (path / "config.json").read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_replacement_leaves_the_old_one(tmp_path):
    path = tmp_path / "model"
    fill(path, "old")
    with pytest.raises(RuntimeError), whole_folder(path, overwrite=True) as folder:
        (folder / "config.json").write_text("half")
        raise RuntimeError
    assert (path / "config.json").read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_a_model_is_never_replaced(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letters.txt").touch()
    with pytest.raises(InterchangeError, match="does not contain a model"):
        fill(tmp_path / "home", overwrite=True)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "home")
    for name in ("file", "link"):
        with pytest.raises(InterchangeError, match="exists and is not a folder"):
            fill(tmp_path / name, overwrite=True)
    assert (tmp_path / "home" / "letters.txt").exists()
