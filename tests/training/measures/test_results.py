"""Gathering what the stages measured."""

from percov2_demo.training.measures.results import collect_results


def test_what_is_there_is_copied_and_the_rest_left_alone(tmp_path):
    work, out = tmp_path / "work", tmp_path / "out"
    for name in ("strength/curve.csv", "flow/curve.csv"):
        (work / name).parent.mkdir(parents=True)
        (work / name).write_text(name)
    out.mkdir()
    (out / "hyper-curve.csv").write_text("earlier")
    written = collect_results(work, ("hyper", "flow"), out)
    assert sorted(path.name for path in written) == ["flow-curve.csv", "strength.csv"]
    assert (out / "strength.csv").read_text() == "strength/curve.csv"
    assert (out / "hyper-curve.csv").read_text() == "earlier"
