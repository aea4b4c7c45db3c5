"""Pages for people: `/app/` for residents, `/office/`, `/platform/`. They ask the same queries and commands as the API."""
