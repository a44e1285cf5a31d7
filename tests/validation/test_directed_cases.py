"""Directed cases: which are made for which model, what is in them, and on which side of the domain."""

from __future__ import annotations

import numpy as np
import pytest

from converters.errors import EdgeproofError
from converters.signature import TensorSpec
from validation.directed.acceptance import MOST, find_accepted
from validation.directed.builder import Case, CaseBuilder
from validation.directed.cases import directed_cases
from validation.directed.graph_facts import GraphFacts
from validation.directed.inputs import describe_input
from validation.directed.patterns import PATTERNS, fill
from validation.domain import Domain
from validation.dtypes import numpy_dtype

ANY = Domain()
X = TensorSpec("x", (None, 4), "float32")
IDS = TensorSpec("ids", (None, 3), "int32")


def cases(
    *specs: TensorSpec, ops: str = "", domain: Domain = ANY, tables=None, least=1, **known
) -> dict[str, Case]:
    tables = tables or {}
    facts = GraphFacts(frozenset(ops.split()), tables)
    inputs = [describe_input(s, domain, tables=tables.get(s.name, ()), **known) for s in specs]

    def background(count: int) -> dict[str, np.ndarray]:
        return {
            s.name: np.ones((count, *[d or 5 for d in s.shape[1:]])).astype(numpy_dtype(s.dtype))
            for s in specs
        }

    return {case.name: case for case in directed_cases(CaseBuilder(inputs, facts, background, least), domain)}


def values(case: Case, name: str = "x") -> list:
    return case.chunk[name].ravel().tolist()


# floats


def test_a_model_of_sums_gets_patterns_and_no_special_values():
    assert list(cases(X, ops="MatMul BiasAdd")) == [
        "zeros",
        "all elements equal",
        "a single element",
        "alternating signs",
        "a ramp",
        "small magnitudes",
        "large magnitudes",
        "NaN",
        "the infinities",
        "denormals",
    ]


FAMILIES = {
    "softplus": ("Softplus", "saturating values", 95.0),
    "exp": ("Exp", "saturating values", -104.0),
    "log1p": ("Log1p", "values near zero", 1e-9),
    "rsqrt": ("Rsqrt", "zeros of both signs", 0.0),
    "round": ("Round", "whole numbers and halves", -2.5),
    "floor-division": ("FloorDiv", "whole numbers and halves", -7.0),
    "sine": ("Sin", "large angles", 1e4),
}


@pytest.mark.parametrize(("op", "name", "value"), FAMILIES.values(), ids=FAMILIES.keys())
def test_an_op_brings_the_values_at_which_implementations_part(op, name, value):
    found = cases(X, ops=op)
    assert np.float32(value) in np.array(values(found[name]), np.float32)
    assert found[name].inside
    assert name not in cases(X, ops="MatMul")


def test_a_family_takes_as_many_samples_as_its_values_need():
    single = TensorSpec("x", (None, 1), "float32")
    wide = TensorSpec("x", (None, 8, 8, 3), "float32")
    assert [len(values(cases(s, ops="Exp")["saturating values"])) for s in (single, X, wide)] == [32, 32, 192]
    assert [len(cases(s, ops="Exp")["saturating values"].chunk["x"]) for s in (single, X, wide)] == [32, 8, 1]


def test_values_stay_inside_the_domain():
    found = cases(X, ops="Exp Log Round", domain=Domain(range=(0, 10)))
    inside = [case for case in found.values() if case.inside]
    assert {value for case in inside for value in values(case) if not 0 <= value <= 10} == set()
    assert "saturating values" in found
    assert not found["beyond the domain"].inside
    assert (min(values(found["beyond the domain"])), max(values(found["beyond the domain"]))) == (-30, 30)


def test_a_narrow_domain_away_from_zero_has_no_zeros():
    found = cases(X, ops="Exp", domain=Domain(range=(1, 2)))
    assert "zeros" not in found
    assert "small magnitudes" not in found
    assert "large magnitudes" not in found
    assert values(found["a single element"]) == [2, 1, 1, 1, 1, 1, 1, 2]


def test_the_margin_around_data_is_tried_to_its_ends():
    found = cases(X, domain=Domain(margin=0.25), seen=(0, 4))
    assert found["the ends of the domain"].inside
    assert values(found["the ends of the domain"]) == [5, 0, 5, 0, 0, 5, 0, 5]
    told = cases(X, domain=Domain(range=(0, 4)), seen=(0, 4))
    assert "the ends of the domain" not in told, "the patterns reach them"


@pytest.mark.parametrize(
    ("name", "flag"), [("NaN", "nan"), ("the infinities", "inf"), ("denormals", "denormals")]
)
def test_what_is_no_ordinary_number_is_outside_unless_the_user_says_so(name, flag):
    assert not cases(X)[name].inside
    assert cases(X, domain=Domain(**{flag: True}))[name].inside


def test_special_numbers_that_count_are_not_clipped():
    found = cases(X, domain=Domain(range=(-5, 5), nan=True, inf=True))
    assert values(found["the infinities"])[:4] == [np.inf, 1, np.inf, 1]


def test_special_numbers_stand_among_ordinary_ones():
    assert np.isnan(values(cases(X)["NaN"])).tolist() == [True, False] * 4
    assert values(cases(X)["the infinities"])[:4] == [np.inf, 1, np.inf, 1]
    tiny = np.finfo(np.float32).tiny
    assert all(0 < abs(value) < tiny or value == 1 for value in values(cases(X)["denormals"]))


def test_zeros_have_both_signs_where_the_sign_can_show():
    found = values(cases(X, ops="RealDiv")["zeros of both signs"])
    assert sorted(np.signbit(found).tolist()) == [False, False, True, True]


# integers


def test_integers_try_both_signs_the_float_limit_and_the_ends_of_the_dtype():
    found = cases(IDS, ops="FloorDiv Mul")
    assert {-7, -3, 3, 8} <= set(values(found["small integers of both signs"], "ids"))
    assert 2**24 + 1 in values(found["2^24 + 1"], "ids")
    assert {46341, -65537} <= set(values(found["products beyond the dtype"], "ids"))
    assert set(values(found["the ends of the domain"], "ids")) == {
        -(2**31),
        -(2**31) + 1,
        2**31 - 2,
        2**31 - 1,
    }
    assert 4294967297 not in values(found["products beyond the dtype"], "ids")


def test_int64_goes_beyond_32_bits():
    wide = TensorSpec("ids", (None, 3), "int64")
    assert 4294967297 in values(cases(wide, ops="Mul")["products beyond the dtype"], "ids")


def test_bytes_wrap_around():
    pair = TensorSpec("ids", (None, 2), "uint8")
    found = cases(pair, ops="Sub")["small integers of both signs"].chunk["ids"]
    assert any(int(a) < int(b) for a, b in found)
    assert min(values(cases(pair, ops="Sub")["the ends of the domain"], "ids")) == 0


def test_a_table_gets_its_ends_every_row_and_what_lies_beside_it():
    found = cases(IDS, tables={"ids": (10,)}, accepted=(-1, 10), ops="GatherV2")
    assert values(found["the last index of 10"], "ids") == [9, 0, 9]
    assert values(found["an index beyond 10"], "ids") == [10, 0, 10]
    assert values(found["the index -1"], "ids") == [-1, 0, -1]
    assert set(values(found["ascending integers"], "ids")) == set(range(10))
    assert values(found["the same integer everywhere"], "ids") == [4, 4, 4, 3, 3, 3]
    assert "2^24 + 1" not in found


def test_nothing_beside_a_table_where_the_original_gives_no_answer():
    found = cases(IDS, tables={"ids": (10,)}, accepted=(0, 9), ops="GatherV2")
    assert "an index beyond 10" not in found
    assert "the index -1" not in found


def test_a_long_table_is_sampled_evenly():
    found = values(cases(IDS, tables={"ids": (10_000,)}, accepted=(0, 9999))["ascending integers"], "ids")
    assert (len(found), min(found), max(found)) == (24, 0, 9999)


# others


def test_flags_and_text():
    flags, text = TensorSpec("x", (None, 2), "bool"), TensorSpec("x", (None, 2), "string")
    assert values(cases(flags)["all true, all false"]) == [True, True, False, False]
    assert b"" in values(cases(text)["empty, long and foreign text"])
    assert cases(text)["empty, long and foreign text"].chunk["x"].dtype == object


def test_a_case_leaves_inputs_of_another_kind_alone():
    found = cases(X, IDS, ops="Exp FloorDiv")
    assert set(values(found["saturating values"], "ids")) == {1}
    assert set(values(found["small integers of both signs"], "x")) == {1.0}


def test_two_inputs_of_a_kind_meet_in_many_pairs():
    other = TensorSpec("y", (None, 4), "float32")
    found = cases(X, other, ops="Exp")["saturating values"].chunk
    assert not np.array_equal(found["x"], found["y"])
    wide = fill((1000,), range(5), 0), fill((1000,), range(5), 1)
    assert len(set(zip(*map(np.ndarray.tolist, wide), strict=True))) == 25


def test_a_fixed_batch_is_filled():
    assert {len(case.chunk["x"]) % 3 for case in cases(X, ops="Exp", least=3).values()} == {0}


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS.keys())
@pytest.mark.parametrize("shape", [(2,), (2, 1), (2, 5), (2, 3, 4, 2), (1, 3, 3)])
def test_patterns_keep_their_shape_and_range(pattern, shape):
    made = pattern(shape, -1.0, 2.0)
    assert made.shape == shape
    assert made.min() >= -1
    assert made.max() <= 2


def test_a_ramp_tells_every_place_from_every_other():
    rising, falling = PATTERNS["a ramp"]((2, 3, 4), 0.0, 1.0)
    assert len(set(rising.ravel().tolist())) == 12
    assert (np.diff(rising, axis=0) > 0).all()
    assert (np.diff(rising, axis=1) > 0).all()
    np.testing.assert_array_equal(falling, rising[::-1, ::-1])


# what the original accepts


def table_of(rows: int, negative: bool):
    def answer(tensors):
        low = -rows if negative else 0
        if not all(low <= int(i) < rows for i in tensors["ids"].ravel()):
            raise EdgeproofError("no", got="", want="", fix="")

    return answer


FACTS = GraphFacts(frozenset(), {"ids": (7,)})
BATCH = {"ids": np.zeros((2, 3), np.int32)}


def test_the_original_says_where_its_table_ends():
    assert find_accepted(table_of(7, False), BATCH, [IDS], FACTS) == {"ids": (0, 6)}
    assert find_accepted(table_of(7, True), BATCH, [IDS], FACTS) == {"ids": (-7, 6)}
    assert find_accepted(lambda _: None, BATCH, [IDS], FACTS) == {"ids": (-(2**31), 2**31 - 1)}


def test_what_decides_sizes_is_never_asked_for_much():
    asked = []
    facts = GraphFacts(frozenset(), sizes=frozenset({"ids"}))
    assert find_accepted(lambda t: asked.append(int(t["ids"].max())), BATCH, [IDS], facts) == {
        "ids": (0, MOST)
    }
    assert asked == [MOST]


def test_data_that_go_further_than_any_candidate_are_kept():
    batch = {"ids": np.full((2, 3), 6, np.int32)}
    assert find_accepted(table_of(7, False), batch, [IDS], GraphFacts(frozenset())) == {"ids": (0, 6)}
