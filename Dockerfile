# One recipe for every service: docker build --build-arg SERVICE=executor --build-arg PORT=8000 .
FROM python:3.11-slim-bookworm

ARG SERVICE
ARG PORT
ENV SERVICE=${SERVICE} PORT=${PORT} \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/var/cache/numba OMP_WAIT_POLICY=PASSIVE \
    IRONKEEL_HOME=/data IRONKEEL_API__HOST=0.0.0.0 IRONKEEL_SERVICE__LOG_FORMAT=json

RUN useradd --system --uid 10001 --no-create-home ironkeel \
    && mkdir -p /data /var/cache/numba && chown ironkeel /data /var/cache/numba

WORKDIR /app
COPY requirements/${SERVICE}.lock requirements.lock
RUN pip install --no-cache-dir --require-hashes -r requirements.lock

COPY libs libs
COPY services/__init__.py services/__init__.py
COPY services/${SERVICE} services/${SERVICE}
RUN python -m compileall -q libs services

USER ironkeel
# What the predictor compiles takes 14 s once: done here, not at every start.
RUN if [ "$SERVICE" = predictor ]; then python -m services.predictor.training.compile; fi

VOLUME /data
HEALTHCHECK --interval=5s --timeout=4s --start-period=300s --retries=6 \
    CMD ["python", "-S", "-c", "import os, urllib.request as web; web.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/health/ready', timeout=3)"]
CMD ["sh", "-c", "exec python -m services.$SERVICE.main"]
