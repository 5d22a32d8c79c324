import json

from training.steps import Progress


def test_progress_tells_means_and_time_left_and_goes_on_after_an_interruption(tmp_path):
    now = [0.0]
    progress = Progress(tmp_path, 0, 10, lambda: now[0])
    for loss in (3.0, 1.0):
        now[0] += 60
        progress.step(bce=loss)
    assert progress.tell("epoch 1 2/5") == "epoch 1 2/5 bce 2.0000 left 8 min"
    progress.step(bce=9.0)
    progress.tell("epoch 1 3/5")
    # The checkpoint was made after two steps: what came after it is made again.
    again = Progress(tmp_path, 2, 10, lambda: now[0])
    again.step(bce=5.0)
    again.tell("epoch 1 3/5")
    assert json.loads((tmp_path / "history.json").read_text()) == [{"step": 2, "bce loss": 2.0}, {"step": 3, "bce loss": 5.0}]
