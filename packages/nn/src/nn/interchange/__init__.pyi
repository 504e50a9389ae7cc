from .conversion import DTYPES as DTYPES
from .dtype_names import DTYPE_NAMES as DTYPE_NAMES
from .errors import InterchangeError as InterchangeError
from .folder_writing import whole_folder as whole_folder
from .llama2c import load_llama2c as load_llama2c
from .llama_config import check_exportable as check_exportable, from_llama_config as from_llama_config
from .llama_export import save_llama as save_llama, write_llama as write_llama
from .llama_import import load_llama as load_llama
