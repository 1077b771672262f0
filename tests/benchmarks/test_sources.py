"""What a run's key depends on, and other constants for a while."""

import pytest

from benchmarks.quality import sources
from benchmarks.quality.optimizers import ENTRIES, identity, installed, spec, with_constants
from hpsearch import method

METHOD = ("hpsearch.method.tightening",)


def test_the_method_is_what_rounds_imports():
    found = sources.reachable("hpsearch.method.rounds")
    assert {"hpsearch.method.rounds", "hpsearch.method.initial_design", "hpsearch.space"} <= set(
        found
    )
    assert "hpsearch.controller.loop" not in found


def test_a_lazy_face_brings_the_modules_of_the_names_asked_for():
    found = sources.reachable("hpsearch.sampler")
    assert {"hpsearch.sampler.table", "hpsearch.method.ranking"} <= set(found)
    assert "hpsearch.method.bins" not in found


def test_a_module_that_is_not_there_is_left_out():
    assert sources.reachable("hpsearch.no_such_module") == ()


def test_only_code_counts(tmp_path, monkeypatch):
    file = tmp_path / "m.py"
    monkeypatch.setattr(sources, "_path", lambda name: file)
    hashes = []
    for text in (
        "def f(x):\n    return x + 1\n",
        '"""A module."""\ndef f(x):\n    """Adds."""\n    return x  + 1  # one\n',
        "def f(x):\n    return x + 2\n",
    ):
        file.write_text(text)
        sources._hash_of.cache_clear()
        hashes.append(sources.code_hash(["m"]))
    sources._hash_of.cache_clear()
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_constant_is_other_inside_the_block_alone():
    before = method.round_width(1)
    with sources.constants({"WIDTH": 0.3}, METHOD):
        assert method.round_width(1) == 0.3
    with sources.constants({"tightening.WIDTH": 0.4}, METHOD):
        assert method.round_width(1) == 0.4
    assert method.round_width(1) == before == 0.2


def test_an_unknown_constant_is_refused():
    with (
        pytest.raises(ValueError, match=r"no constant WIDHT in hpsearch.method.tightening"),
        sources.constants({"WIDHT": 0.3}, METHOD),
    ):
        pass


def test_a_spec_tells_arguments_from_constants():
    chosen = spec("ours:survivors=4,WIDTH=0.3,selection.FLOOR=none")
    assert chosen.entry is ENTRIES["ours"]
    assert chosen.options == {"survivors": 4}
    assert chosen.constants == {"WIDTH": 0.3, "selection.FLOOR": "none"}


@pytest.mark.parametrize("text", ["no-such", "ours:survivors"])
def test_a_wrong_spec_is_refused(text):
    with pytest.raises(ValueError, match=r"no optimizer 'no-such'|expected key=value"):
        spec(text)


def test_a_spec_changes_what_the_method_draws():
    from benchmarks.quality.optimizers import Setting, make
    from hpsearch.space import Parameter, Space, Uniform

    space = Space((Parameter("x", Uniform(0, 1)), Parameter("y", Uniform(0, 1))))

    def second_batch(text):
        chosen = spec(text)
        with with_constants(chosen):
            optimizer = make(chosen, Setting(space, 0, 50, 25))
            first = optimizer.ask(25)
            optimizer.tell(first, [p["x"] for p in first])
            return optimizer.ask(25)

    plain = second_batch("ours")
    assert plain == second_batch("ours")
    assert plain != second_batch("ours:WIDTH=0.4")
    assert plain != second_batch("ours:survivors=5")


def test_the_identity_names_the_package():
    chosen = spec("optuna-tpe")
    package = installed(chosen.entry)
    assert package.startswith("optuna 5.")
    assert identity(chosen, package).startswith(package)
