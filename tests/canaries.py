"""What must not lie in the database in clear: where a text of which nothing else is the like stands in it."""

from __future__ import annotations

from tests.databases import administrator


def stored(canary: str) -> list[str]:
    """The tables in which it stands: as it is, as bytes, or in JSON."""
    with administrator() as server:
        tables = server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        places = " UNION ALL ".join(
            f"SELECT DISTINCT '{name}' FROM {name} t WHERE strpos(t::text, %(text)s) > 0 OR strpos(t::text, %(bytes)s) > 0"
            for (name,) in tables
        )
        found = server.execute(places, {"text": canary, "bytes": canary.encode().hex()}).fetchall()  # type: ignore[arg-type]
        return [name for (name,) in found]
