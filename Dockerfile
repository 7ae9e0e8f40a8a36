# Six nodes for clients outside the container: docker build -t pyredis-cluster . and see docs/laptop.md.
FROM python:3.13-slim AS build
COPY pyproject.toml README.md LICENSE /src/
COPY pyredis_cluster /src/pyredis_cluster
RUN python -m venv /opt/pyredis-cluster && /opt/pyredis-cluster/bin/pip install --no-cache-dir /src

FROM python:3.13-slim
COPY --from=build /opt/pyredis-cluster /opt/pyredis-cluster
RUN useradd --system --uid 10001 --create-home --home-dir /data redis
USER 10001
WORKDIR /data
ENV PATH=/opt/pyredis-cluster/bin:$PATH
EXPOSE 7000-7005
HEALTHCHECK --interval=5s --timeout=5s --start-period=5s CMD ["pyredis-cluster", "status"]
ENTRYPOINT ["pyredis-cluster"]
CMD ["up", "--bind", "0.0.0.0", "--announce", "127.0.0.1"]
