"""A process that is forked while another thread loads a kernel."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, threading, time
from bpe.kernels import loading

started = threading.Event()

def slowly(name):
    started.set()
    time.sleep(0.5)
    return f"the kernel {name}"

loading._from_file = slowly
thread = threading.Thread(target=loading.kernel, args=("tables",))
thread.start()
started.wait()
child = os.fork()
if child == 0:
    assert loading.is_loaded("tables")
    assert loading.kernel("train") == "the kernel train"
    os._exit(0)
thread.join()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_fork_waits_for_the_kernel(kernels):
    """The child would wait for ever for a lock that no thread of it releases."""
    pytest.importorskip("numba", reason="needs numba")
    command = [sys.executable, "-W", "ignore:This process", "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "0\n"
