"""The platform's pages, `/platform/`: a customer's plan, usage and invoices; and for the platform's staff its customers."""
