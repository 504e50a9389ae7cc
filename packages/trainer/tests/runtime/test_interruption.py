import os
import signal
import subprocess
import sys
import threading

import pytest

from trainer.runtime.interruption import Interruption


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_recorded(number):
    before = signal.getsignal(number)
    with Interruption() as interruption:
        assert interruption.requested is None
        os.kill(os.getpid(), number)
        assert interruption.requested == number.name
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_raises_at_once():
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)  # schedulers repeat the signal
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert interruption.requested == "SIGTERM"


def test_outside_the_main_thread_no_handler_is_installed():
    recorded = []

    def work():
        with Interruption() as interruption:
            recorded.append(interruption.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert recorded == [None]


def test_a_sleeping_process_continues_and_can_save():
    program = """
import time
from trainer.runtime.interruption import Interruption
with Interruption() as interruption:
    print("ready", flush=True)
    while interruption.requested is None:
        time.sleep(0.01)
print("saved after", interruption.requested)
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60)[0] == "saved after SIGTERM\n"
    assert process.returncode == 0
