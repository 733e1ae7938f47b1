# syntax=docker/dockerfile:1
# Targets: `fleetscope`, the daemon (the default); `plugin`, which copies the Grafana plugin into a volume at /plugins.
#
# glibc, not musl: the NVIDIA driver's library (gpu.nvml) is opened at run time, which a static binary cannot do.
# The C parts (LMDB, ring, mimalloc) are compiled in; TLS is rustls, so no OpenSSL.

FROM rust:1.95.0-slim-trixie AS build
# The toolchain of the image, without the formatter and linter that rust-toolchain.toml adds for developers.
ENV RUSTUP_TOOLCHAIN=1.95.0
# The same sources give the same bytes, wherever they lie.
ARG SOURCE_DATE_EPOCH=0
ENV RUSTFLAGS="--remap-path-prefix=/src=. --remap-path-prefix=/usr/local/cargo=cargo"
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY benches benches
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin fleetscope \
    && strip -o /fleetscope target/release/fleetscope \
    && mkdir /data

FROM node:24-trixie-slim AS plugin-build
WORKDIR /plugin
COPY plugin/package.json plugin/package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY plugin .
RUN npm run build && mkdir /empty

FROM busybox:1.37.0 AS plugin
COPY --from=plugin-build --chown=65532:65532 /plugin/dist /plugin
COPY --from=plugin-build --chown=65532:65532 /empty /plugins
USER 65532:65532
# Anew each time, so that an upgrade leaves no file of the version before.
CMD ["sh", "-c", "rm -rf /plugins/underpass-fleetscope-app && cp -r /plugin /plugins/underpass-fleetscope-app"]

FROM gcr.io/distroless/cc-debian13:nonroot AS fleetscope
LABEL org.opencontainers.image.title="Fleetscope" \
      org.opencontainers.image.description="Flight recorder and observability bridge of an SWE AI Fleet" \
      org.opencontainers.image.source="https://github.com/underpass-ai/fleetscope" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /fleetscope /usr/local/bin/fleetscope
COPY --from=build --chown=65532:65532 /data /var/lib/fleetscope
# The journal's default folder is relative to this one.
WORKDIR /var/lib/fleetscope
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/fleetscope"]
CMD ["run"]
