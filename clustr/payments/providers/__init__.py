"""Payment providers: one port in our words (`port`), a file for each provider, one line each in `registry`."""
