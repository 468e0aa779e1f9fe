"""A team that owns nothing but images: from a flat folder to labels, weights and predictions."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from activeloop.learners.nets import mlp
from activeloop.types import Data

from .conftest import CLASSES, Team


def test_run_shows_the_first_query_and_how_to_answer_it(team: Team) -> None:
    said = team.run()

    assert said.code == 3
    assert len(said.out.splitlines()) == 3
    assert said.out.startswith("q0000\t")
    assert "3 rows to label (validation), 0 of 16 labels told" in said.err
    assert "activeloop tell r q0000 r/queries/q0000.csv" in said.err
    assert set(team.lines("q0000")[0]) == {"row", "file", "label"}


def test_without_a_test_set_a_tenth_of_the_budget_measures(team: Team) -> None:
    said = team.cli("run", "--data", "images", "--classes", "names.txt", "--budget", 29, "--initial", 6, "--out", "r")

    assert "no test set: 2 of the 29 labels are for measuring" in said.err
    assert len(team.lines("q0000")) == 2


def test_the_whole_way(team: Team) -> None:
    team.run()
    for _ in range(20):
        asked = team.cli("ask", "r")
        if asked.code == 0:
            break
        team.cli("tell", "r", asked.out[:5], team.answer(asked.out[:5]))

    assert "r: done (budget), 16 labels told" in asked.out
    assert "activeloop export r" in asked.out
    assert "done (budget)" in team.cli("status", "r").out
    assert "entropy" in team.cli("report", "r").out
    assert (team.folder / "r/tb/runs/entropy/seed-0").is_dir()


def test_the_same_command_and_ask_give_the_same_query(team: Team) -> None:
    first, journal = team.run(), team.journal()

    assert team.run().out == first.out
    assert team.cli("ask", "r").out == first.out
    assert team.journal() == journal


def test_ask_leaves_alone_what_somebody_fills_in(team: Team) -> None:
    team.run()
    file = team.folder / "r/queries/q0000.csv"
    text = file.read_text().replace(".png,", ".png,gren", 1)
    file.write_text(text)

    said = team.cli("ask", "r")

    assert file.read_text() == text
    assert "holds labels that were not told yet, so it was left as it is" in said.err


def test_ask_writes_into_the_file_what_was_told(team: Team) -> None:
    team.run()
    team.cli("tell", "r", "q0000", team.answer("q0000", slice(0, 2)))
    team.cli("ask", "r")

    assert [line["label"] == "" for line in team.lines("q0000")] == [False, False, True]


def test_ask_does_not_write_over_another_file(team: Team) -> None:
    team.run()
    names = (team.folder / "names.txt").read_text()
    said = team.cli("ask", "r", "--out", "names.txt")

    assert said.code == 2
    assert "names.txt is there already, and is no query" in said.err
    assert (team.folder / "names.txt").read_text() == names


def test_tell_takes_some_then_the_rest_by_file_row_name_number_or_skip(team: Team) -> None:
    team.run()
    first, second, third = team.lines("q0000")

    some = team.cli("tell", "r", "q0000", team.write([("file", "label"), (first["file"], "blue")]))
    more = team.cli("tell", "r", "q0000", team.write([("label", "row"), (0, second["row"])]))
    rest = team.cli("tell", "r", "q0000", team.write([("row", "label"), (third["row"], "skip")]))

    assert (some.code, some.out) == (3, "q0000: 1 labels taken, 2 still to come\n")
    assert (more.code, more.out) == (3, "q0000: 1 labels taken, 1 still to come\n")
    assert (rest.code, rest.out.splitlines()[0]) == (0, "q0000: 0 labels taken, 1 skipped, 0 still to come")
    assert "activeloop ask r" in rest.out


def test_told_again_is_told_once(team: Team) -> None:
    team.run()
    answers = team.answer("q0000")
    team.cli("tell", "r", "q0000", answers, "--annotator", "ada")
    journal = team.journal()

    assert team.cli("tell", "r", "q0000", answers, "--annotator", "ada").code == 0
    assert team.journal() == journal


def test_tell_without_answers_is_refused(team: Team) -> None:
    team.run()
    journal = team.journal()
    said = team.cli("tell", "r", "q0000", "r/queries/q0000.csv")

    assert said.code == 2
    assert "q0000.csv holds no answer: 3 lines, none with a label. Fill in the column label" in said.err
    assert team.journal() == journal


def test_closing_opens_rows_again_and_the_run_goes_on(team: Team) -> None:
    team.run()
    team.cli("tell", "r", "q0000", team.answer("q0000", slice(0, 2)))

    assert team.cli("close", "r", "q0000").out == "q0000: closed, 1 rows open again\n"
    assert "nothing to close" in team.cli("close", "r", "q0000").out
    assert team.cli("ask", "r").out.startswith("q0001\t")


def test_status_says_where_a_run_stands_and_what_is_next(team: Team) -> None:
    team.run()
    waiting = team.cli("status", "r")
    team.cli("tell", "r", "q0000", team.answer("q0000"))
    ready = team.cli("status", "r")

    assert waiting.code == 3
    assert "waiting for 3 answers to q0000" in waiting.out
    assert "next: activeloop tell r q0000" in waiting.out
    assert ready.code == 0
    assert "3 of 16 labels" in ready.out
    assert "next: activeloop ask r" in ready.out


def test_a_revision_is_trained_on_and_exported_as_its_makers_and_not_the_first_answerers(team: Team) -> None:
    team.run()
    team.cli("tell", "r", "q0000", team.answer("q0000"), "--annotator", "ada")
    team.finish()
    first, second, _ = team.lines("q0000")
    colour = "red" if "red" not in first["file"] else "blue"
    said = team.cli("revise", "r", team.write([("file", "label"), (first["file"], colour)]), "--why", "seen twice",
                    "--annotator", "bob")  # fmt: skip
    team.cli("export", "r", "--labels-only")

    assert said.out == "1 labels changed; the next `activeloop ask r` trains on them\n"
    exported = labels(team.folder / "r/export/labels.csv")
    assert exported[first["file"]] == {
        "row": first["row"], "file": first["file"], "label": colour, "annotator": "bob", "use": "revised",
        "date": exported[first["file"]]["date"],
    }  # fmt: skip
    assert exported[second["file"]]["annotator"] == "ada"
    assert "done (budget)" in team.cli("ask", "r").out


def labels(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as lines:
        return {line["file"]: line for line in csv.DictReader(lines)}


def test_export_gives_labels_and_predictions_of_every_row_between_them(team: Team) -> None:
    team.run()
    team.finish()
    said = team.cli("export", "r", "--out", "e")

    assert said.code == 0
    assert "no weights: sklearn" in said.out
    told, predicted = labels(team.folder / "e/labels.csv"), labels(team.folder / "e/predictions.csv")
    assert len(told) == 16
    assert told.keys() | predicted.keys() == {path.name for path in (team.folder / "images").iterdir()}
    assert not told.keys() & predicted.keys()
    assert all(line["label"] == file.partition("-")[0] for file, line in told.items())
    assert {line["label"] for line in predicted.values()} <= set(CLASSES)
    assert all(1 / 3 <= float(line["probability"]) <= 1 for line in predicted.values())


def test_exported_labels_start_another_run(team: Team) -> None:
    team.run()
    team.finish()
    team.cli("export", "r", "--labels-only", "--out", "e")
    said = team.cli(
        "run", "--data", "images", "--classes", "names.txt", "--labels", "e/labels.csv", "--budget", 4, "--initial", 0,
        "--query", 4, "--validation", 2, "--out", "again",
    )  # fmt: skip

    assert said.code == 3
    assert "brought along 16" in team.cli("status", "again").out


def test_a_run_is_asked_from_another_folder_and_of_data_that_moved(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    team.run()
    team.cli("tell", "r", "q0000", team.answer("q0000"))
    (team.folder / "images").rename(team.folder / "moved")
    (team.folder / "elsewhere").mkdir()
    monkeypatch.chdir(team.folder / "elsewhere")

    refused = team.cli("ask", "../r")
    asked = team.cli("ask", "../r", "--data", "../moved")

    assert refused.code == 2
    assert asked.code == 3
    assert asked.out.startswith("q0001\t")


def test_answers_by_file_need_no_data_and_no_torch(team: Team) -> None:
    team.run()
    (team.folder / "images").rename(team.folder / "gone")
    answers = team.answer("q0000")
    code = (
        "import sys; from activeloop.cli.main import main\n"
        f"codes = [main(['tell', 'r', 'q0000', {answers!r}]), main(['status', 'r']), main(['close', 'r', 'q0000'])]\n"
        f"codes += [main(['revise', 'r', {answers!r}, '--why', 'again']), main(['export', 'r', '--labels-only'])]\n"
        "import json; print(json.dumps([codes, 'torch' in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=team.folder, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout.splitlines()[-1]) == [[0, 0, 0, 0, 0], False]


def test_the_names_of_files_are_found_again_where_the_list_is_gone(team: Team) -> None:
    team.run()
    (team.folder / "r/items.csv").unlink()

    assert team.cli("tell", "r", "q0000", team.answer("q0000")).code == 0
    assert (team.folder / "r/items.csv").exists()


def test_weights_load_into_the_same_net_and_predict_the_same(team: Team) -> None:
    team.cli("run", "--data", "images", "--classes", "names.txt", "--budget", 9, "--initial", 6, "--query", 3,
             "--validation", 2, "--net", "mlp", "--set", "learner.options.epochs=2", "--set", "learner.options.steps=0",
             "--out", "r")  # fmt: skip
    team.finish()
    team.cli("export", "r")

    net = mlp((3, 6, 6), 3)
    net.load_state_dict(load_file(team.folder / "r/export/weights.safetensors"))
    with safe_open(team.folder / "r/export/weights.safetensors", "pt") as file:
        about = {name: json.loads(value) for name, value in file.metadata().items()}
    predicted = labels(team.folder / "r/export/predictions.csv")
    images = _images(team.folder / "images", list(predicted))
    mean, std = (torch.tensor(about[name]).reshape(3, 1, 1) for name in ("mean", "std"))
    with torch.inference_mode():
        probs = net.eval()(Data(images, tuple(about["classes"]), mean, std).batch(torch.arange(len(images)))).softmax(1)

    assert about["classes"] == list(CLASSES)
    highest = [float(line["probability"]) for line in predicted.values()]
    torch.testing.assert_close(probs.max(dim=1).values.tolist(), highest, atol=1e-5, rtol=0)
    assert [CLASSES[c] for c in probs.argmax(dim=1)] == [line["label"] for line in predicted.values()]


def _images(folder: Path, names: list[str]) -> Tensor:
    return torch.from_numpy(np.stack([np.asarray(Image.open(folder / name)) for name in names])).permute(0, 3, 1, 2)
