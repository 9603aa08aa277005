# Meridian's image: one static binary and nothing else. The binary is built first, by `make image-binaries`, so that any
# engine packs the same bytes (docs/image.md):
#
#   docker buildx build --platform linux/amd64,linux/arm64 -t NAME:TAG .
#   podman build -t NAME:TAG .        buildah build -t NAME:TAG .
FROM scratch

# Given by the engine: amd64 or arm64.
ARG TARGETARCH
ARG VERSION=dev
ARG REVISION=unknown

LABEL org.opencontainers.image.title="Meridian" \
      org.opencontainers.image.description="Global server load balancing for Kubernetes, with its own authoritative DNS server" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/meridian-gslb/meridian" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

COPY bin/linux/${TARGETARCH}/meridian /meridian

# By number, so that kubelet can see that it is not root; there is no /etc/passwd.
USER 65532:65532
EXPOSE 5353/udp 5353/tcp 8080/tcp 8081/tcp
ENTRYPOINT ["/meridian"]
CMD ["serve"]
