from .directory import (
    RunDirectory as RunDirectory,
    RunDirectoryError as RunDirectoryError,
    new_run_directory as new_run_directory,
    open_run_directory as open_run_directory,
)
from .environment import record_environment as record_environment
from .initial_weights import (
    WeightsSource as WeightsSource,
    restore_initial_weights as restore_initial_weights,
    save_initial_weights as save_initial_weights,
)
from .lock import RunInUseError as RunInUseError
from .source_revision import SourceRevision as SourceRevision, find_source_revision as find_source_revision
from .system import describe_system as describe_system
