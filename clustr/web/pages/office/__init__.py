"""The office's pages, `/office/`: what managers of an estate see and do. Each shows what its person's permissions allow."""
