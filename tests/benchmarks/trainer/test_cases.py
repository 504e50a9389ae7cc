"""Cases that are measured in the same process."""

from benchmarks.trainer.cases import measure_cases


def test_every_other_round_is_reversed_and_a_failure_stops_only_its_case():
    log = []

    def prepare(name, fails=None):
        def measure():
            log.append(name)
            if fails == len(log):
                raise RuntimeError("out of\nbreath")
            return {"seconds": len(log)}

        return lambda: ({"fact": name}, measure)

    cases = {("a", "m"): prepare("a"), ("b", "m"): prepare("b", fails=2), ("c", "m"): prepare("c")}
    a, b, c = measure_cases(cases, 3)
    assert "".join(log) == "abc" + "ca" + "ac"
    assert a == {"library": "a", "mode": "m", "fact": "a", "turns": [{"seconds": n} for n in (1, 5, 6)]}
    assert b == {"library": "b", "mode": "m", "failed": "RuntimeError: out of breath"}
    assert [turn["seconds"] for turn in c["turns"]] == [3, 4, 7]
