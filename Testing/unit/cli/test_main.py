from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import warnings

import pytest

from spinemr.cli import main as cli
from spinemr.cli.commands import evaluate as evaluate_command
from spinemr.imaging.errors import Cancelled, ImagingWarning, SpineMRError
from spinemr.imaging.version import __version__


@pytest.fixture
def failing(monkeypatch):
    """Lets ``spinemr models`` raise or do what is given."""

    def set_up(action):
        def act(*_args, **_kwargs):
            if isinstance(action, BaseException):
                raise action
            return action() or ()

        monkeypatch.setattr("spinemr.imaging.model_card.shipped_models", act)

    return set_up


def test_the_version_is_one_line(spinemr):
    outcome = spinemr("--version")
    assert (outcome.code, outcome.out, outcome.err) == (0, f"spinemr {__version__}\n", "")


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_help_names_the_commands_and_gives_examples(spinemr, words):
    outcome = spinemr(*words)
    assert outcome.code == 0
    for word in ("evaluate", "phantom", "models", "run", "Examples:", "spinemr phantom -o study"):
        assert word in outcome.out


@pytest.mark.parametrize("command", ["evaluate", "phantom", "models", "radiomics", "run"])
def test_each_command_has_help_with_an_example(spinemr, command):
    outcome = spinemr(command, "--help")
    assert outcome.code == 0
    assert "Example" in outcome.out
    assert f"spinemr {command}" in outcome.out


def test_a_command_that_does_not_exist_is_refused(spinemr):
    outcome = spinemr("publish")
    assert outcome.code == 2
    assert "No such command" in outcome.complaint


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("evaluate",), "Missing argument 'PREDICTION'"),
        (("evaluate", "a"), "Missing argument 'TRUTH'"),
        (("evaluate", "a", "b", "c"), "unexpected extra argument"),
        (("evaluate", "--nonsense", "a", "b"), "No such option"),
        (("evaluate", "a", "b", "--labels-scheme", "mine"), "'mine' is not one of"),
        (("phantom",), "Missing option"),
        (("phantom", "-o", "x", "--count", "0"), "Invalid value for '--count'"),
        (("phantom", "-o", "x", "--seed", "-1"), "Invalid value for '--seed'"),
        (("phantom", "-o", "x", "--grade", "VI"), "'VI' is not one of"),
        (("phantom", "-o", "x", "--contrast", "t3"), "'t3' is not one of"),
    ],
)
def test_wrong_usage_is_one_line_with_the_way_to_help(spinemr, words, said):
    outcome = spinemr(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.complaint
    assert f"Try: spinemr {words[0]} --help" in outcome.complaint


def test_an_error_for_users_is_its_message_and_hint_in_one_long_line(spinemr, failing):
    failing(SpineMRError("Something [odd] about a file." + " Words." * 60, "Do this."))
    outcome = spinemr("models")
    assert outcome.code == 2
    assert outcome.complaint == "Something [odd] about a file." + " Words." * 60 + " Do this."


@pytest.mark.parametrize("reason", [Cancelled(), KeyboardInterrupt()])
def test_cancelling_is_130(spinemr, failing, reason):
    failing(reason)
    outcome = spinemr("models")
    assert (outcome.code, outcome.complaint) == (130, "Cancelled.")


def test_a_mistake_of_ours_is_one_line_without_what_the_exception_quotes(spinemr, failing):
    failing(ValueError("Doe^Jane born 1970"))
    outcome = spinemr("models")
    assert outcome.code == 1
    assert outcome.complaint.startswith("Internal error: ValueError in ")
    assert "SPINEMR_DEBUG=1" in outcome.complaint
    assert "Doe" not in outcome.err


@pytest.mark.parametrize("how", ["option", "variable"])
def test_the_traceback_is_there_for_who_asks(spinemr, failing, monkeypatch, how):
    failing(ValueError("the reason"))
    if how == "variable":
        monkeypatch.setenv("SPINEMR_DEBUG", "1")
    outcome = spinemr(*["--debug"] * (how == "option"), "models")
    assert outcome.code == 1
    assert "Traceback" in outcome.err
    assert "the reason" in outcome.err


def test_too_little_memory_is_the_users_to_solve(spinemr, failing):
    failing(MemoryError())
    outcome = spinemr("models")
    assert outcome.code == 2
    assert "memory" in outcome.complaint


def test_notes_are_told_once_on_stderr_and_other_warnings_not_at_all(spinemr, failing):
    def warn():
        for _ in range(3):
            warnings.warn("The spacing is missing.", ImagingWarning, stacklevel=1)
        warnings.warn("old function", DeprecationWarning, stacklevel=1)

    failing(warn)
    outcome = spinemr("models")
    assert (outcome.code, outcome.complaint) == (0, "Note: The spacing is missing.")
    assert outcome.out == "No models come with this version.\n"


def test_warnings_work_as_before_afterwards(spinemr):
    before = (warnings.showwarning, list(warnings.filters))
    spinemr("--version")
    assert (warnings.showwarning, list(warnings.filters)) == before


def test_the_schemes_offered_are_those_there_are():
    from spinemr.imaging.schemes import SCHEMES

    assert {scheme.value for scheme in evaluate_command.LabelScheme} == set(SCHEMES)


def test_the_program_has_the_exit_codes_of_the_contract(spinemr_process, tmp_path):
    assert spinemr_process("--version").code == 0
    failed = spinemr_process("evaluate", tmp_path / "none.nii.gz", tmp_path / "none.nii.gz")
    assert failed.code == 2
    assert "There is no file or folder" in failed.complaint


def test_help_and_version_load_nothing_heavy():
    code = (
        "import sys\nfrom spinemr.cli.main import main\nmain(['--version'])\n"
        "print(sorted({m.partition('.')[0] for m in sys.modules} & {'SimpleITK', 'scipy', 'numpy', 'torch', 'openvino', 'vtk'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_colours_are_for_terminals_and_can_be_refused(spinemr_process, tmp_path):
    forced = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    missing = tmp_path / "none.nii.gz"
    assert "\x1b[" not in spinemr_process("evaluate", missing, missing).err
    assert "\x1b[1;31m" in spinemr_process("evaluate", missing, missing, environment=forced).err
    plain = spinemr_process("evaluate", missing, missing, environment={**forced, "NO_COLOR": "1"}).err
    assert "31m" not in plain


@pytest.mark.skipif(os.name == "nt", reason="pipes break differently on Windows")
@pytest.mark.parametrize("words", [("--version",), ("models",), ("evaluate", "TRUTH", "TRUTH"), ("--help",)])
def test_a_reader_that_has_seen_enough_is_no_error(truth_path, words):
    command = [sys.executable, "-m", "spinemr.cli", *[str(truth_path) if word == "TRUTH" else word for word in words]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        child.stdout.close()
        err = child.stderr.read()
    assert (child.returncode, err) == (0, "")


def test_a_name_the_terminal_cannot_show_is_escaped(spinemr_process, tmp_path):
    outcome = spinemr_process(
        "evaluate", tmp_path / "Wirbels\u00e4ule \u8170.nii.gz", "b", environment={"PYTHONIOENCODING": "ascii"}
    )
    assert outcome.code == 2
    assert "Wirbels\\xe4ule \\u8170.nii.gz" in outcome.complaint


SLOW_DRAWING = """
import sys, time, types
from spinemr.imaging.progress import Progress
def draw_study(seed, *, progress, **_):
    progress(Progress("draw", 0.1, "Drawing"))
    {wait}
module = types.ModuleType("spinemr.synthesis.study")
module.draw_study = draw_study
sys.modules["spinemr.synthesis.study"] = module
from spinemr.cli.main import main
sys.exit(main(["phantom", "-o", sys.argv[1], "--progress", "json", "--count", "3"]))
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("wait", ["time.sleep(60)", "while True: sum(range(1000))"])
def test_signals_cancel_with_130_and_leave_nothing(tmp_path, listed, number, wait):
    (tmp_path / "mine.txt").write_text("kept")
    before = listed(tmp_path)
    code = SLOW_DRAWING.format(wait=wait)
    command = [sys.executable, "-c", code, str(tmp_path / "new" / "deep" / "studies")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        first = json.loads(child.stdout.readline())
        assert first["phase"] == "draw"
        child.send_signal(number)
        _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert err.strip() == "Cancelled."
    assert listed(tmp_path) == before


def test_main_is_quiet_about_signals_outside_of_the_main_thread():
    codes = []
    thread = threading.Thread(target=lambda: codes.append(cli.main(["--version"])))
    thread.start()
    thread.join()
    assert codes == [0]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_ignored_signal_stays_ignored_and_handlers_return():
    from spinemr.pipeline.interrupts import interruptible

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        handler = signal.getsignal(signal.SIGTERM)
        with interruptible():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGTERM) is not handler
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_second_signal_does_not_disturb_the_cleaning_up():
    from spinemr.pipeline.interrupts import interruptible

    cleaned = []

    def work():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            cleaned.append(True)

    with pytest.raises(KeyboardInterrupt), interruptible():
        work()
    assert cleaned
