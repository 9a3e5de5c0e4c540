# The image: sidefridge as process 1, with bash, curl and kubectl for its hooks.
#
#   docker build -t sidefridge .
#   docker build --build-arg TESTS=OFF -t sidefridge .     (half the time; of a release, whose tests have passed)
#   docker run --rm -e CRON_BACKUP_SCHEDULE='*/5 * * * *' -v "$PWD/examples/sqlite/scripts:/scripts:ro" sidefridge
ARG BASE=alpine:3.22

FROM ${BASE} AS build
WORKDIR /src
# The packages first: they change less often than the sources.
COPY tools/setup tools/setup
RUN ./tools/setup build test example
COPY . .
ARG TESTS=ON
RUN cmake -S . -B /build -G Ninja -DCMAKE_BUILD_TYPE=Release -DSIDEFRIDGE_TESTS=${TESTS} && cmake --build /build
# The end-to-end tests want namespaces of their own, which a build does not have.
RUN [ "${TESTS}" = OFF ] || ctest --test-dir /build -j2 --no-tests=error --output-on-failure --label-exclude e2e_test
RUN DESTDIR=/stage cmake --install /build --prefix /usr/local --component runtime --strip

FROM ${BASE}
LABEL org.opencontainers.image.title="sidefridge" \
      org.opencontainers.image.description="Backup sidecar for Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY alpine/packages /usr/share/sidefridge/packages
RUN sed 's/#.*//' /usr/share/sidefridge/packages | xargs apk add --no-cache
COPY --from=build /stage/ /
# Any user may run this image, and keep its state here unless a volume is mounted for it.
RUN mkdir -m 1777 /run/sidefridge
RUN mkdir -p /secrets /scripts/install_dependencies /scripts/before_backups /scripts/backups \
             /scripts/after_backups /scripts/on_error
# A missing library fails the build here, not a backup later.
RUN sidefridge --version
STOPSIGNAL SIGTERM
CMD ["sidefridge"]
