"""Whether exclusions change what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salcompare.report.wording import number, percent

if TYPE_CHECKING:
    from salcompare.report.data import ReportData


def exclusions(data: ReportData) -> list[str]:
    """Say how many responses are left out by which rules, and which verdicts they change."""
    images = data.quality_table("quality_rules")
    if data.people != "boxes" or images.empty:
        return []
    workers, log, headlines = (data.quality_table(name) for name in ("quality_workers", "exclusions", "headlines"))
    if log.empty:
        return ["No response broke a rule of care, so that nothing is left out. Disagreeing with others is no rule."]
    out, kept = log["response"].nunique(), 0 if data.responses is None else len(data.responses)
    by = ", ".join(f"{row['rule']} {number(row['n_responses'])}" for _, row in images.iterrows() if row["n_responses"])
    said = [f"{out:,} of {out + kept:,} responses ({percent(out / (out + kept))}) break a rule of care and are left "
            f"out (responses by rule, some by several: {by}). Disagreeing with others is no rule."]
    if len(workers):
        whole = int((workers["kept"] == 0).sum())
        said.append(f"Of {len(workers):,} workers {whole:,} {'is' if whole == 1 else 'are'} left out entirely.")
    changed = headlines[headlines["verdict"].str.startswith("evidence", na=False)] if len(headlines) else headlines
    tested = int((headlines["verdict"].fillna("") != "").sum()) if len(headlines) else 0
    if len(changed):
        said.append("With all responses some verdicts differ: " + "; ".join(
            f"{row['headline']} ({row['verdict']})" for _, row in changed.iterrows()) + ".")
    elif tested:
        said.append(f"With all responses none of {tested} verdicts on headline numbers differs.")
    return said
