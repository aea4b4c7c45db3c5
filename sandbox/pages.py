"""The checkout's HTML. No script, nothing from elsewhere; made for a phone first."""

from __future__ import annotations

from html import escape

from sandbox.outcomes import OUTCOMES, TEST_CARDS

_STYLE = """
:root { --ink:#1c2b2a; --soft:#5b6b69; --line:#dfe6e4; --paper:#fff; --ground:#f3f6f5; --leaf:#0f6b5c; --warn:#7a4b00; }
* { box-sizing:border-box; }
body { margin:0; background:var(--ground); color:var(--ink); font:16px/1.5 system-ui,"Segoe UI",Roboto,sans-serif; }
.flag { background:#fff3d6; color:var(--warn); border-bottom:1px solid #f0d9a6; text-align:center; padding:.55rem 1rem;
  font-weight:600; }
main { max-width:27rem; margin:0 auto; padding:1.25rem 1rem 3rem; }
header { margin-bottom:1rem; }
.who { color:var(--soft); margin:0; overflow-wrap:anywhere; }
h1 { font-size:1.1rem; margin:.1rem 0 .35rem; font-weight:600; }
.amount { font-size:2.1rem; font-weight:700; letter-spacing:-.02em; margin:.2rem 0; font-variant-numeric:tabular-nums; }
.card { background:var(--paper); border:1px solid var(--line); border-radius:14px; padding:1rem; margin-top:1rem; }
nav { display:flex; gap:.4rem; margin-top:1rem; }
nav a { flex:1 1 auto; text-align:center; padding:.6rem .2rem; border:1px solid var(--line); border-radius:10px; background:var(--paper);
  color:var(--ink); text-decoration:none; font-size:.92rem; white-space:nowrap; }
nav a[aria-current] { background:var(--leaf); border-color:var(--leaf); color:#fff; font-weight:600; }
label { display:block; font-size:.9rem; color:var(--soft); margin-bottom:.7rem; }
input, select { display:block; width:100%; margin-top:.25rem; padding:.7rem .75rem; font:inherit; color:var(--ink);
  border:1px solid #c3cecb; border-radius:10px; background:#fff; }
input:focus-visible, select:focus-visible, button:focus-visible, a:focus-visible, summary:focus-visible { outline:3px solid #8fd0c3; outline-offset:1px; }
.pair { display:grid; grid-template-columns:1fr 1fr; gap:.7rem; }
button, .button { font:inherit; border-radius:10px; border:1px solid #c3cecb; background:#fff; color:var(--ink); cursor:pointer;
  padding:.6rem .7rem; min-height:44px; text-align:center; text-decoration:none; display:block; width:100%; }
button:hover, .button:hover { border-color:var(--leaf); }
.pay { background:var(--leaf); border-color:var(--leaf); color:#fff; font-weight:600; padding:.8rem; }
.problem { background:#fdecea; border:1px solid #f2c3be; color:#7c1d14; border-radius:10px; padding:.7rem .85rem; margin:1rem 0 0; }
h2 { font-size:1rem; margin:0 0 .2rem; }
.hint { color:var(--soft); font-size:.9rem; margin:.1rem 0 .8rem; }
.grid { display:grid; grid-template-columns:1fr 1fr; gap:.5rem; }
.grid button, .wait button { font-size:.93rem; padding:.5rem .4rem; }
.three { grid-template-columns:repeat(3,1fr); }
.more { margin-top:.6rem; }
.more summary { font-weight:400; color:var(--soft); font-size:.9rem; margin-bottom:.5rem; }
.grid + .hint, .wide { margin-top:.9rem; }
.wait { display:grid; grid-template-columns:5.5rem 1fr; gap:.5rem; margin-top:.5rem; }
.wait input { margin:0; }
summary { cursor:pointer; padding:.2rem 0; font-weight:600; }
td:first-child { white-space:nowrap; font-size:.84rem; }
table { border-collapse:collapse; width:100%; font-size:.88rem; margin-top:.5rem; }
td { padding:.3rem .4rem .3rem 0; border-top:1px solid var(--line); vertical-align:top; font-variant-numeric:tabular-nums; }
.big { font-size:1.35rem; font-weight:700; letter-spacing:.04em; margin:.1rem 0 .4rem; font-variant-numeric:tabular-nums; }
footer { color:var(--soft); font-size:.82rem; margin-top:1.2rem; overflow-wrap:anywhere; }
"""
_USUAL = 4
_FLAG = '<div class="flag">Sandbox: no money moves</div>'
_SAMPLES = {"paystack": ("4084 0840 8408 4081", "408"), "flutterwave": ("5531 8866 5214 2950", "564")}
_PROVIDERS = {"paystack": "Paystack", "flutterwave": "Flutterwave"}


def checkout(
    *,
    provider: str,
    merchant: str,
    description: str,
    email: str,
    amount: int,
    currency: str,
    reference: str,
    channels: dict[str, str],
    channel: str,
    problem: str,
    ask: dict[str, str],
    back: str,
) -> str:
    """The page of one payment. No channels: a saved card's holder is asked to agree."""
    said = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    money = f"{escape(currency)} {amount // 100:,}.{amount % 100:02d}"
    tabs = "".join(
        f'<a href="?channel={word}"{" aria-current=page" if word == channel else ""}>{label}</a>'
        for word, label in channels.items()
    )
    nav = f"<nav aria-label='How to pay'>{tabs}</nav>" if len(channels) > 1 else ""
    leave = f'<a class="button wide" href="{escape(back)}">Return to {escape(merchant)}</a>' if back else ""
    how = (
        _question(ask)
        if ask
        else _by_channel(channel if channels else "holder", money=money, sample=_SAMPLES[provider])
    )
    body = f"""
<header><p class="who">{escape(merchant)}</p><h1>{escape(description) or "Payment"}</h1>
<p class="amount">{money}</p><p class="who">{escape(email)}</p></header>
{said}{nav}
<form method="post" class="card"><input type="hidden" name="channel" value="{escape(channel)}">{how}</form>
{leave}{_endings(channel)}{_cards() if channel == "card" and channels else ""}
<footer>A stand-in for {_PROVIDERS[provider]}'s hosted page. Reference {escape(reference)}.</footer>"""
    return _document(f"Pay {money}", body)


def notice(title: str, text: str, *, back: str = "") -> str:
    """A page that only says something."""
    link = f'<a class="button wide" href="{escape(back)}">Return to the merchant</a>' if back else ""
    return _document(title, f'<div class="card"><h1>{escape(title)}</h1><p class="hint">{escape(text)}</p>{link}</div>')


def simple(title: str, body: str) -> str:
    """A page of one form."""
    return _document(title, f'<div class="card"><h1>{escape(title)}</h1>{body}</div>')


def _by_channel(channel: str, *, money: str, sample: tuple[str, str]) -> str:
    pay = f'<button class="pay" type="submit">Pay {money}</button>'
    match channel:
        case "card":
            number, cvv = sample
            return f"""<label>Card number
<input name="number" inputmode="numeric" autocomplete="off" placeholder="{number}" required></label>
<div class="pair"><label>Expiry<input name="expiry" placeholder="12/30" autocomplete="off"></label>
<label>CVV<input name="cvv" inputmode="numeric" placeholder="{cvv}" autocomplete="off"></label></div>{pay}"""
        case "bank_transfer":
            return f"""<p class="hint">Send exactly {money} to</p><p class="big">9930 001 234</p>
<p class="hint">Test Bank, in the name of the merchant</p><button class="pay" type="submit">I have sent the money</button>"""
        case "ussd":
            return """<p class="hint">Dial on your phone</p><p class="big">*000*123#</p>
<button class="pay" type="submit">I have dialled it</button>"""
        case "holder":
            return f"""<p class="hint">The bank asks the holder of the saved card to agree to {money}.</p>
<button class="pay" type="submit">Agree and pay</button>"""
        case _:
            return (
                f"""<label>Phone number<input name="phone" inputmode="tel" placeholder="0803 000 0000"></label>{pay}"""
            )


def _question(ask: dict[str, str]) -> str:
    """What the bank asks the holder of some test cards."""
    kept = "".join(f'<input type="hidden" name="{name}" value="{escape(ask[name])}">' for name in ("number", "expiry"))
    if ask["what"] == "bank":
        return f"""{kept}<h2>Your bank asks</h2><p class="hint">Do you agree to this payment?</p>
<input type="hidden" name="entry" value=""><button class="pay" type="submit">Agree</button>"""
    return f"""{kept}<h2>Your bank asks</h2><label>{escape(ask["what"])}
<input name="entry" inputmode="numeric" autocomplete="off" placeholder="{escape(ask["expects"])}" required></label><button class="pay" type="submit">Go on</button>"""


def _endings(channel: str) -> str:
    """The buttons that say how it shall end: the usual refusals at hand, the others one step away."""
    paid = "".join(_ending(word, one.label) for word, one in OUTCOMES.items() if one.is_success)
    refused = [_ending(word, one.label) for word, one in OUTCOMES.items() if not one.is_success]
    usual, others = "".join(refused[:_USUAL]), "".join(refused[_USUAL:])
    return f"""<form method="post" class="card"><input type="hidden" name="channel" value="{escape(channel)}">
<h2>Or choose how it ends</h2><p class="hint">It is paid</p><div class="grid three">{paid}</div>
<div class="wait"><input name="seconds" value="10" inputmode="numeric" aria-label="Seconds">
{_ending("delay", "In full, after so many seconds")}</div>
<p class="hint wide">It is refused</p><div class="grid">{usual}</div>
<details class="more"><summary>Other reasons</summary><div class="grid">{others}</div></details>
<p class="hint wide">It does not end</p><div class="grid">{_ending("pending", "Stay pending")}
{_ending("abandon", "Close, unpaid")}</div></form>"""


def _ending(word: str, label: str) -> str:
    return f'<button type="submit" name="outcome" value="{word}">{escape(label)}</button>'


def _cards() -> str:
    rows = "".join(
        f"<tr><td>{_spaced(card.number)}</td><td>{escape(_meaning(card.number))}</td></tr>"
        for card in TEST_CARDS.values()
    )
    return f'<details class="card"><summary>Test cards</summary><table>{rows}</table></details>'


def _meaning(number: str) -> str:
    card = TEST_CARDS[number]
    said = "pays" if card.outcome == "success" else OUTCOMES[card.outcome].label.lower()
    if card.refund:
        said += f"; a refund ends {card.refund}"
    if card.asks:
        said += "; the bank asks" if card.asks == "bank" else f"; asks for {card.expects}"
    return said


def _spaced(number: str) -> str:
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))


def _document(title: str, body: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} - sandbox</title><style>{_STYLE}</style></head>
<body>{_FLAG}<main>{body}</main></body></html>"""
