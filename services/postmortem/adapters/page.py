"""One report as a page of its own: nothing is fetched, and nothing of the report is trusted as markup."""

from collections.abc import Iterable
from html import escape
from typing import Final

from libs.common.clock import iso
from libs.common.contracts.postmortems import PostmortemWritten

STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.05rem;margin-top:2rem;border-bottom:1px solid #d8dee4}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #eaeef2}
th{font-weight:500;color:#57606a;width:40%}td.n{text-align:right;font-variant-numeric:tabular-nums}
.badge{display:inline-block;padding:.1rem .6rem;border-radius:1rem;background:#eaeef2;margin-right:.4rem}
.CRITICAL,.HIGH{background:#ffd8d3}.MEDIUM{background:#fff1c2}.LOW{background:#dcf3e2}.loss{color:#b3261e}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}.badge{color:#1b1f24}
h2,th,td{border-color:#30363d}th{color:#8b949e}.loss{color:#ff8a80}}
"""
PARTS: Final = {
    "direction": "Direction of the market",
    "entry_slippage": "Slippage of the entry",
    "management": "Partial exits",
    "exit_slippage": "Slippage of the exit",
    "fees": "Fees",
    "funding": "Funding",
    "residue": "Unexplained",
}


def page(report: PostmortemWritten) -> str:
    """Return the report as a complete HTML document, in UTF-8, without scripts."""
    title = f"{report.symbol} {report.summary.side} {report.pnl_usd} USDT"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(title)}</title><style>{STYLE}</style></head><body>
<h1>{escape(report.symbol)} {escape(report.summary.side)} <span class="loss">{report.pnl_usd} USDT</span></h1>
<p><span class="badge {report.severity}">{report.severity}</span><span class="badge">{report.category}</span>
{escape(report.severity_reason)}</p>
<h2>Trade</h2>{summary(report)}
<h2>Decision</h2>{decision(report)}
<h2>Where the money went</h2>{decomposition(report)}
<h2>Why</h2>{findings(report)}
<h2>Advice</h2>{bullets(report.advice)}
<p>{learning(report)}</p>
</body></html>
"""


def summary(report: PostmortemWritten) -> str:
    told = report.summary
    return table(
        (
            ("Trade", report.trade_id),
            ("Opened", iso(report.opened_at)),
            ("Closed", iso(report.closed_at)),
            ("Duration", f"{told.duration_hours} h"),
            ("Entry", told.entry_price),
            ("Exit", told.exit_price),
            ("Close reason", told.close_reason),
            ("Quantity", told.qty),
            ("Leverage", told.leverage),
            ("Margin", f"{told.margin} USDT"),
            ("Result", f"{told.pnl_percentage} %"),
            ("On margin", unless_unknown(told.roe_percentage, "%")),
            ("In first risks", unless_unknown(told.r, "R")),
        )
    )


def decision(report: PostmortemWritten) -> str:
    made = report.initial_decision
    if made is None:
        return "<p>None of ours: the position was adopted.</p>"
    votes = (
        (f"{vote.timeframe} votes", f"{vote.opinion}: buy {vote.p_buy}, hold {vote.p_hold}, sell {vote.p_sell}")
        for vote in made.votes
    )
    return table(
        (
            ("Rationale", made.rationale),
            ("Confidence", f"{made.confidence}, needed {made.threshold}"),
            *votes,
            ("Price decided on", made.price),
            ("ATR", made.atr),
            ("ADX", made.adx),
            ("Policy", made.policy),
            ("Model", made.model_version or "none"),
        )
    )


def decomposition(report: PostmortemWritten) -> str:
    parts = "".join(
        f'<tr><th>{PARTS[name]}</th><td class="n">{escape(str(value))}</td></tr>'
        for name, value in report.decomposition
    )
    return f'<table>{parts}<tr><th>Result in USDT</th><td class="n"><b>{report.pnl_usd}</b></td></tr></table>'


def findings(report: PostmortemWritten) -> str:
    return bullets(f"{each.category}: {each.evidence} (confidence {each.confidence})" for each in report.findings)


def learning(report: PostmortemWritten) -> str:
    verb = "learns" if report.attributable_to_model else "does not learn"
    return f"The model {verb} from this loss."


def table(rows: Iterable[tuple[str, object]]) -> str:
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in rows)
    return f"<table>{cells}</table>"


def bullets(lines: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def unless_unknown(ratio: object | None, unit: str) -> str:
    return "unknown" if ratio is None else f"{ratio} {unit}"
