# The engine in one image: the worker, the service and the streamer are the same program with another verb.
# Two stages, so that nothing that builds is in what runs.

FROM python:3.11.14-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv /opt/engine
COPY requirements/image.txt requirements/image.txt
RUN /opt/engine/bin/pip install --require-hashes --requirement requirements/image.txt
COPY pyproject.toml README.md ./
COPY engine engine
COPY connectors connectors
COPY state state
RUN /opt/engine/bin/pip install --no-deps --no-build-isolation .

FROM python:3.11.14-slim-bookworm
LABEL org.opencontainers.image.title="autotrader" \
      org.opencontainers.image.description="A trading engine whose rules are files."
ENV PATH=/opt/engine/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/srv/autotrader/state/numba
RUN groupadd --gid 10001 engine \
    && useradd --uid 10001 --gid engine --no-create-home --home-dir /srv/autotrader --shell /usr/sbin/nologin engine \
    && install -d -o engine -g engine /srv/autotrader /srv/autotrader/state /srv/autotrader/data
WORKDIR /srv/autotrader
COPY --from=build /opt/engine /opt/engine
COPY autotrader.toml ./
COPY rules rules
USER engine
VOLUME ["/srv/autotrader/state"]
EXPOSE 8080
STOPSIGNAL SIGINT
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 \
    CMD engine serve check worker --mode "${MODE:-paper}"
ENTRYPOINT ["engine"]
CMD ["run", "--paper"]
