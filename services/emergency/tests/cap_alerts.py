"""CAP messages for tests."""

from datetime import UTC, datetime

SENT = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
_STAMP = "%Y-%m-%dT%H:%M:%S-00:00"

AREA = "<area><areaDesc>Harbour</areaDesc>{inside}</area>"


def geocode(value, name="ADCODE"):
    return f"<geocode><valueName>{name}</valueName><value>{value}</value></geocode>"


def reference(identifier, sender="warn@city.example", sent=SENT):
    return f"{sender},{identifier},{sent.strftime(_STAMP)}"


def cap(
    identifier="one",
    *,
    sender="warn@city.example",
    sent=SENT,
    kind="Alert",
    references="",
    expires=None,
    inside="",
    headline="Storm flood",
    status="Actual",
    scope="Public",
    info=True,
):
    references = f"<references>{references}</references>" if references else ""
    end = f"<expires>{expires.strftime(_STAMP)}</expires>" if expires else ""
    body = (
        "<info><category>Met</category><event>Flood</event><urgency>Immediate</urgency><severity>Severe</severity>"
        f"<certainty>Likely</certainty>{end}<headline>{headline}</headline>{AREA.format(inside=inside)}</info>"
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'
        f"<identifier>{identifier}</identifier><sender>{sender}</sender>"
        f"<sent>{sent.strftime(_STAMP)}</sent>"
        f"<status>{status}</status><msgType>{kind}</msgType><scope>{scope}</scope>"
        f"{references}{body if info else ''}</alert>"
    ).encode()
