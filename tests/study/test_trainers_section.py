import pytest
from study_texts import SMALL

SPACE = """\
space:
  lr: {uniform: [0, 1]}
  penalty: [none, r1]
  weight: {uniform: [0, 1], when: {penalty: r1}}
"""
HAS = "(has: lr, penalty, weight, data, seed, budget, device, checkpoint, trial)"


def with_command(command: str, growth: int = 1) -> str:
    head = SMALL.replace("trainer: gan.py:GAN", f"command: {command}")
    return (
        head.replace("steps: 10", f"steps: 10, growth: {growth}") + f"fixed: {{data: d}}\n{SPACE}"
    )


GOOD = '[python, "{lr}", "{penalty}", --weight, "{weight}", "{data}", "{{}}", "{seed}"]'


def test_a_command_that_takes_every_parameter_is_a_trainer(faults):
    assert faults(with_command(GOOD)) == []


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ('"{data}"', '"{dat}"', [
            f's.yaml:2:62  command[5]: nothing is called {{dat}} {HAS}. Did you mean "data"?']),
        ('"{data}"', '"{data"', [
            's.yaml:2:62  command[5]: a lone "{"; write a literal brace twice,'
            ' got "{data"']),
        ('"{lr}"', "--lr, 3", ["s.yaml:2:25  command[2]: must be text, in quotes: '3'",]),
        ('"{lr}"', "{lr}", ["s.yaml:2:19  command[1]: must be text, in quotes: '{lr}'"]),
        ('"{lr}"', "x", ['s.yaml:7:3  space.lr: not used by the command; add "{lr}" to the'
                         " command, or take lr out of the space"]),
        ('--weight, "{weight}"', '"--weight={weight}"', [
            's.yaml:2:40  command[3]: weight has a "when", so "{weight}" must be an argument of its'
            " own: it is left out while inactive, with the flag before it,"
            ' got "--weight={weight}"']),
        (GOOD, "python train.py", [
            "s.yaml:2:1  command: must be a list of arguments,"
            ' as in [python, train.py, --lr, "{lr}"], got python train.py']),
    ],
)  # fmt: skip
def test_a_command_that_cannot_be_filled_in_is_refused(faults, old, new, lines):
    assert faults(with_command(GOOD.replace(old, new))) == lines


def test_a_command_whose_budget_grows_must_take_it(faults):
    assert faults(with_command(GOOD, growth=2)) == [
        "s.yaml:2:1  command: budget.growth is above 1, so the command must take {budget}"
    ]
    assert faults(with_command(GOOD.replace("{seed}", "{budget}"), growth=2)) == []


def test_a_parameter_does_not_take_the_name_of_what_a_command_gets(faults):
    text = (
        with_command(GOOD).replace("  lr:", "  trial: [1, 2]\n  lr:").replace("{seed}", "{trial}")
    )
    assert faults(text) == [
        "s.yaml:7:3  space.trial: every command already has a {trial} of its own; rename this one"
    ]


def test_a_trainer_and_a_command_are_one_too_many(faults):
    assert faults(f"{SMALL}command: [a]\n{SPACE}") == [
        "s.yaml:5:1  command: there is a trainer as well; keep one of the two"
    ]
