# ClustR's web, worker and command line in one image. `docker compose up` starts all with PostgreSQL.
FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/app/.venv/bin:$PATH
WORKDIR /app
COPY requirements requirements
COPY bin/setup bin/setup
RUN bin/setup app
COPY . .
RUN useradd --system --create-home clustr && mkdir .clustr && chown clustr .clustr
USER clustr
EXPOSE 8000
CMD ["python", "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws", "--host", "0.0.0.0", "--port", "8000", \
     "--workers", "2", "--blocking-threads", "8", "--respawn-failed-workers", "clustr.wsgi:application"]
