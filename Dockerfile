# The binary `trueup` in a small image. Build: docker build -t trueup .
FROM rust:1.95-bookworm AS build
WORKDIR /trueup
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/trueup/target \
    cargo build --release --locked --bin trueup && cp target/release/trueup /usr/local/bin/

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 trueup
COPY --from=build /usr/local/bin/trueup /usr/local/bin/trueup
USER trueup
ENTRYPOINT ["trueup"]
