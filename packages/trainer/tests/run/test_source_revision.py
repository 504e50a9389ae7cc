import subprocess

import pytest

from trainer.run.source_revision import find_source_revision


def git(folder, *arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    folder = tmp_path / "repository"
    (folder / "apps").mkdir(parents=True)
    git(folder, "init", "-q")
    (folder / "apps" / "main.py").write_text("print(1)\n")
    (folder / "other.py").write_text("x\n" * 100)
    (folder / ".gitignore").write_text("ignored.txt\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    return folder


def find(repository, **settings):
    return find_source_revision([repository / "apps" / "main.py"], **settings)


def test_a_clean_repository(repository):
    found = find(repository)
    assert found.revision == git(repository, "rev-parse", "HEAD").strip()
    assert (found.diff, found.truncated, found.untracked, found.dirty) == (b"", False, [], False)


def test_the_diff_reproduces_the_code(repository, tmp_path):
    """Applied to a clone of the commit, it gives the same files, staged or not, also those outside of `apps`."""
    (repository / "apps" / "main.py").write_text("print(2)\n")
    (repository / "other.py").write_text("x\n" * 50 + "é\n")
    git(repository, "add", "other.py")
    found = find(repository)
    assert found.dirty
    git(tmp_path, "clone", "-q", str(repository), "clone")
    (tmp_path / "environment.diff").write_bytes(found.diff)
    git(tmp_path / "clone", "apply", "../environment.diff")
    for name in ("apps/main.py", "other.py"):
        assert (tmp_path / "clone" / name).read_bytes() == (repository / name).read_bytes()


def test_of_untracked_files_only_the_names_are_recorded(repository):
    (repository / "secret é.env").write_text("KEY=hunter2\n")
    (repository / "ignored.txt").write_text("")
    found = find(repository)
    assert found.untracked == ["secret é.env"]
    assert found.dirty
    assert b"hunter2" not in found.diff


@pytest.mark.parametrize("most", [1, 100, 1_000_000])
def test_a_long_diff_is_truncated(repository, most):
    (repository / "other.py").write_text("y" * 100_000 + "\n")
    whole = git(repository, "diff", "HEAD").encode()
    found = find(repository, most_diff_bytes=most)
    assert found.diff == whole[:most]
    assert found.truncated == (most < len(whole))


def test_untracked_programs_are_skipped(repository, tmp_path):
    untracked = repository / "installed.py"
    untracked.write_text("")
    outside = tmp_path / "script.py"
    outside.write_text("")
    tracked = repository / "other.py"
    missing = repository / "missing.py"
    assert find_source_revision([untracked, outside, missing]) is None
    found = find_source_revision([untracked, outside, missing, tracked])
    assert found.revision == git(repository, "rev-parse", "HEAD").strip()
    assert find_source_revision([]) is None


def test_a_repository_without_a_commit_has_no_revision(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text("")
    git(tmp_path, "add", "a.py")
    assert find_source_revision([tmp_path / "a.py"]) is None


def test_without_git_the_revision_is_unknown(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert find(repository) is None
