# syntax=docker/dockerfile:1
# One static binary and nothing else: no shell, no package manager, not root.
# It writes to /var/lib/gatehouse alone, so the root file system may be
# read-only: docker run --read-only -v gatehouse:/var/lib/gatehouse …

FROM golang:1.26 AS build
WORKDIR /src
ENV CGO_ENABLED=0 GOTOOLCHAIN=local GOMODCACHE=/cache/mod GOCACHE=/cache/build
COPY go.mod go.sum ./
COPY authz/oauth/internal/oryx/go.mod authz/oauth/internal/oryx/
RUN --mount=type=cache,target=/cache/mod go mod download
COPY . .
ARG VERSION=dev
RUN --mount=type=cache,target=/cache/mod --mount=type=cache,target=/cache/build \
    go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/gatehouse ./cmd/gatehouse
# A new volume takes the owner of the directory it is mounted on.
RUN mkdir -p /out/state && chown 65532:65532 /out/state && chmod 700 /out/state

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/gatehouse /gatehouse
COPY --from=build --chown=65532:65532 /out/state /var/lib/gatehouse
COPY LICENSE /LICENSE
USER 65532:65532
# The SQLite file and its lock lie in the working directory unless configured.
WORKDIR /var/lib/gatehouse
VOLUME /var/lib/gatehouse
# SQLite's temporary files go where writing is allowed.
ENV TMPDIR=/var/lib/gatehouse SQLITE_TMPDIR=/var/lib/gatehouse
EXPOSE 8080 9090
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/gatehouse", "healthcheck"]
ENTRYPOINT ["/gatehouse"]
CMD ["serve"]
