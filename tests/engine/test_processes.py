"""The fast engine across processes and in bare environments."""

import os
import sys

import numpy as np
import pytest
from engine.programs import FORKS, START, run, run_command

# ---- forks --------------------------------------------------------------------------------------

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")


@needs_fork
def test_forked_children_and_their_children_work():
    out = run(
        FORKS
        + """
found = [in_child(check) for _ in range(5)]
found += [in_child(lambda: in_child(check)) for _ in range(3)]
found += [in_child(lambda: check() or in_child(lambda: in_child(lambda: 0 if
    weights_hash(model) == further and len(model.predict(x)) == 40 else 4)))]
found += [check()]
print(found, len([t for t in threading.enumerate() if t.name.startswith("numcnn-")]))
"""
    )
    assert out == f"{[0] * 10} 2\n"


@needs_fork
@pytest.mark.parametrize("rounds", [8, pytest.param(300, marks=pytest.mark.proof)])
def test_a_fork_in_the_middle_of_another_threads_batch_works(rounds):
    out = run(
        FORKS
        + f"""
going = True
other = make(2)
def keep_training():
    while going:
        other.train_on_batch(x, y)
thread = threading.Thread(target=keep_training)
thread.start()
found = {{in_child(check) for _ in range({rounds})}}
going = False
thread.join()
print(found, check())
""",
        seconds=900 + 2 * rounds,
    )
    assert out == "{0} 0\n"


@needs_fork
def test_a_fork_while_another_thread_uses_the_same_model_works():
    # The child predicts with the model whose memory is being bound at this moment.
    out = run(
        FORKS
        + """
from numcnn.engine import plan
real, inside, go_on = plan.PlanEngine._program, threading.Event(), threading.Event()
def slow(*args, **kwargs):
    inside.set()
    assert go_on.wait(600)
    return real(*args, **kwargs)
plan.PlanEngine._program = slow
thread = threading.Thread(target=model.predict, args=(x[:5],))
thread.start()
assert inside.wait(600)
def predict():
    plan.PlanEngine._program = real
    return 0 if model.predict(x).tobytes() == expected else 3
found = in_child(predict)
go_on.set()
thread.join()
print(found)
"""
    )
    assert out == "0\n"


WORKERS = """
import hashlib, multiprocessing
from pathlib import Path

def work(path):
    model = load_model(path)
    first = hashlib.sha256(model.predict(x)).hexdigest()
    model.fit(x, y, batch_size=16, verbose=0)
    return first, weights_hash(model)

if __name__ == "__main__":
    path = sys.argv[2]
    model = make()
    model.fit(x, y, batch_size=16, verbose=0)
    model.save(path)
    with multiprocessing.get_context(sys.argv[1]).Pool(2, maxtasksperchild=2) as pool:
        found = pool.map(work, [path] * int(sys.argv[3]), chunksize=1)
    print(set(found) == {work(path)})
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("tasks", [4, pytest.param(40, marks=pytest.mark.proof)])
def test_a_pool_of_processes_works(method, tasks, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(START + WORKERS)
    command = [sys.executable, str(script), method, str(tmp_path / "model.npz"), str(tasks)]
    assert run_command(command) == "True\n"


# ---- environments -------------------------------------------------------------------------------


ANYWHERE = (
    FORKS
    + """
from numba.np.ufunc import parallel
wrong = []
def predict():
    for _ in range(20):
        for n in (1, 9, 40):
            if model.predict(x[:n]).tobytes() != right[n]:
                wrong.append(n)
right = {n: model.predict(x[:n]).tobytes() for n in (1, 9, 40)}
threads = [threading.Thread(target=predict) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
print(wrong, in_child(check), in_child(lambda: in_child(check)), parallel._is_initialized)
"""
)


@needs_fork
@pytest.mark.parametrize("layer", ["workqueue", "omp", "tbb", "no such layer"])
def test_numbas_threading_layer_does_not_matter(layer):
    environment = os.environ | {"NUMBA_THREADING_LAYER": layer}
    assert run(ANYWHERE, env=environment) == "[] 0 0 False\n"


@needs_fork
def test_no_environment_variable_is_needed(tmp_path):
    assert run(ANYWHERE, env={}, cwd=tmp_path) == "[] 0 0 False\n"
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_does_not_exist_and_one_core_work(tmp_path):
    one_core = """
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
model = make()
model.fit(x, y, batch_size=16, verbose=0)
print(weights_hash(model))
"""
    bare = {"HOME": str(tmp_path / "nobody"), "LC_ALL": "C", "OMP_NUM_THREADS": "1"}
    usual = run(one_core.replace("hasattr", "not hasattr"))
    assert run(one_core, env=bare) == usual
    assert not (tmp_path / "nobody").exists()


def test_hashes_of_different_programs_are_the_same():
    program = """
model = make()
model.fit(x, y, batch_size=16, epochs=2, verbose=0)
print(weights_hash(model), model.predict(x).tobytes().hex()[:64])
"""
    found = {
        run(program, env=os.environ | {"OPENBLAS_NUM_THREADS": n, "PYTHONHASHSEED": n})
        for n in ("1", "3")
    }
    assert len(found) == 1
    assert np.size(found.pop().split()) == 2
