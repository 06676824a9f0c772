# Panj in a container, from Debian and PyPI alone:  docker build -t panj .
# docker run --rm --user "$(id -u):$(id -g)" -v "$PWD/results:/panj/results" panj scenario=border_closed runs=200
# docker run --rm -p 8765:8765 -v panj-class:/var/lib/panj panj classroom host=0.0.0.0
FROM debian:trixie-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY sim ./sim
COPY configs ./configs
COPY scenarios ./scenarios
COPY exercises/lessons ./exercises/lessons
RUN python3 -m venv /opt/panj \
    && /opt/panj/bin/pip install --no-cache-dir --constraint constraints.txt ".[all]"

# Results, compiled rules and sessions of the classroom may be written by any user (--user).
RUN useradd --create-home --uid 1000 panj \
    && mkdir -p /panj/results /var/cache/panj/matplotlib /var/lib/panj && chown -R panj /panj \
    && chmod 1777 /panj/results /var/cache/panj /var/cache/panj/matplotlib /var/lib/panj
USER panj
WORKDIR /panj
ENV PATH=/opt/panj/bin:$PATH PANJ_CACHE=/var/cache/panj MPLCONFIGDIR=/var/cache/panj/matplotlib \
    PANJ_CLASSROOM=/var/lib/panj/classroom.sqlite PYTHONUNBUFFERED=1
# Compiled here, rules need not be compiled in each container. On another processor they are compiled again.
RUN panj runs=1 results_dir=/tmp/first --quiet && rm -r /tmp/first
VOLUME ["/panj/results", "/var/cache/panj", "/var/lib/panj"]
EXPOSE 8765
ENTRYPOINT ["panj"]
CMD ["--help"]
