import pytest

from trainer import CheckpointError, RunDirectory, new_run_directory, open_run_directory
from trainer.run import RunDirectoryError


def test_a_new_run_appears_only_when_it_is_complete(tmp_path):
    path = tmp_path / "runs" / "new"
    with new_run_directory(path) as run:
        run.config.write_text("x")
        assert not path.exists()
    assert open_run_directory(path).config.read_text() == "x"
    assert [entry.name for entry in path.parent.iterdir()] == ["new"]


def test_a_failure_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), new_run_directory(tmp_path / "new") as run:
        run.config.write_text("x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_an_existing_path_is_refused(tmp_path):
    message = r"already exists: choose another run\.directory, resume .* --resume"
    (tmp_path / "dangling").symlink_to(tmp_path / "missing")
    for path in (tmp_path, tmp_path / "dangling"):
        with pytest.raises(RunDirectoryError, match=message), new_run_directory(path):
            pass


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: path.write_text("mine")])
def test_what_was_created_meanwhile_is_not_replaced(tmp_path, make):
    with pytest.raises(RunDirectoryError, match="already exists"), new_run_directory(tmp_path / "new"):
        make(tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_a_folder_that_is_not_a_run_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(RunDirectoryError, match="is not a run"):
            open_run_directory(path)


def test_the_latest_checkpoint_is_found_by_its_name(tmp_path):
    run = RunDirectory(tmp_path)
    with pytest.raises(CheckpointError, match="contains no checkpoint"):
        run.latest_checkpoint()
    for name in ("step_00000900", "step_00001000", ".step_00002000.tmp", "step_other"):
        (run.checkpoints / name).mkdir(parents=True)
    assert run.latest_checkpoint() == run.checkpoint(1000) == tmp_path / "checkpoints" / "step_00001000"
