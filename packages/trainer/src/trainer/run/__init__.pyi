from .directory import (
    RunDirectory as RunDirectory,
)
from .directory import (
    RunDirectoryError as RunDirectoryError,
)
from .directory import (
    new_run_directory as new_run_directory,
)
from .directory import (
    open_run_directory as open_run_directory,
)
from .environment import record_environment as record_environment
from .lock import RunInUseError as RunInUseError
