"""How to have the study again: its file, the commands, and everything that the numbers rest on."""

import shlex

from hpsearch.method import confirm_seed
from hpsearch.storage import RunFolder, Snapshot
from hpsearch.study import study_origin
from hpsearch.ui.formatting import listed, plain, trainer_text
from hpsearch.ui.report.content import Block, Cell, Code, Listing, Section, say, table
from hpsearch.ui.report.interventions import has_interventions
from hpsearch.ui.report.run_summary import RunSummary

_SEEDS_SHOWN = 20


def reproduce(s: Snapshot, runs: RunSummary) -> Section:
    folder = RunFolder(s.result.folder)
    text = folder.study.read_text(encoding="utf-8", errors="replace")
    blocks: list[Block] = [
        say("The study file as it was frozen; the overrides of the command line are in it:"),
        Listing(plain(text).rstrip("\n"), "yaml"),
    ]
    path = study_origin(text)
    blocks += [
        say("Saved in the place of ", Code(path), ", it runs afresh with:"),
        Listing(_commands(s, path), "sh"),
        say(
            "The same study, sources, versions and threads on the same kind of processor give the "
            "same trials to the last bit, however often the search is killed on the way. Elsewhere "
            "the last digits may differ, and with them later draws; and a trial that failed for "
            "want of time or memory may fare otherwise.",
        ),
        *_reservations(s),
        table("What the numbers rest on", ("", "value"), _grounds(s, runs), words=(0, 1)),
    ]
    if folder.accepted.exists():
        accepted = plain(folder.accepted.read_text(encoding="utf-8", errors="replace")).strip()
        blocks += [
            say(
                "The study or its trainer was changed on the way, and the change accepted; trials "
                "that had ended stayed as they were:",
                tone="warning",
            ),
            Listing(accepted),
        ]
    return Section("How to reproduce it", "reproduce", tuple(blocks))


def _commands(s: Snapshot, path: str) -> str:
    study, run = shlex.quote(path), shlex.quote(str(s.result.folder))
    again = shlex.quote(str(s.result.folder.parent / "again"))
    lines = [(f"hpsearch run {study} --runs {again}{_rounds(s)}", "afresh, in another folder")]
    if not _reservations(s):
        lines += [(f"hpsearch digest {again}/{s.result.name}", "must print the digest below")]
    lines += [(f"hpsearch best {run}", "this study's winner, ready to paste")]
    width = max(len(command) for command, _ in lines)
    return "\n".join(f"{command:<{width}}  # {what}" for command, what in lines)


def _rounds(s: Snapshot) -> str:
    """Rounds may have been added, or the search ended early, while it ran."""
    same = s.plan.rounds == s.study.search.rounds
    return "" if same else f" --set search.rounds={s.plan.rounds}"


def _reservations(s: Snapshot) -> list[Block]:
    """Reasons why rerunning the search may give a different digest."""
    if s.state != "finished":
        return [say("The search is not finished, so the digest below is not its last.")]
    if has_interventions(s):
        return [
            say(
                "Trials were stopped or trained again by hand, which no study file says; the "
                "digest counts them, so a search anew has another."
            )
        ]
    return []


def _grounds(s: Snapshot, runs: RunSummary) -> list[tuple[Cell, ...]]:
    study = s.study
    rows: list[tuple[Cell, ...]] = [("trainer", Code(trainer_text(study)))]
    for sha256, trials in runs.trainers.items():
        share = f" ({trials:,} trials)" if len(runs.trainers) > 1 else ""
        rows.append(("SHA-256 of its sources", Code((sha256 or "not recorded") + share)))
    rows.append(("its sources as they were", Code(str(RunFolder(s.result.folder).trainer))))
    rows.append(("search seed", str(study.search.seed)))
    if study.confirm.top * study.confirm.seeds:
        count = study.confirm.seeds
        seeds = [confirm_seed(study.search.seed, i) for i in range(min(count, _SEEDS_SHOWN))]
        rest = " and more" if count > _SEEDS_SHOWN else ""
        rows.append(("confirmation seeds", ", ".join(map(str, seeds)) + rest))
    rows.append(("threads of a trial", str(study.resources.threads)))
    rows.append(("devices", listed(runs.devices) or "none yet"))
    rows.append(("versions", listed(runs.version_words) or "not recorded"))
    rows.append(("digest of all trials", Code(s.result.digest)))
    return rows
