# syntax=docker/dockerfile:1
# The binary `trueup` in a small image. Build: docker build -t trueup:local .
FROM rust:1.95-bookworm AS build
WORKDIR /trueup
COPY . .
# What was compiled before, dependencies above all, is kept beside the layers and used again.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/trueup/target \
    cargo build --release --locked --bin trueup \
    && strip --strip-debug -o /usr/local/bin/trueup target/release/trueup \
    && cp /lib/"$(uname -m)"-linux-gnu/libgcc_s.so.1 /usr/local/lib/

# Its libc is not older than the one that the binary was linked with; its wget asks for health.
FROM busybox:1.37.0-glibc
COPY --from=build /usr/local/lib/libgcc_s.so.1 /lib/
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/local/bin/trueup /usr/local/bin/
USER 10001:10001
ENTRYPOINT ["trueup"]
