# syntax=docker/dockerfile:1
# The gateway as an image: compiled in one stage, run from another that has no compiler, no tests and
# no packages of development. Debian, because uWebSockets.js has no binary for musl (Alpine).

FROM node:22-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build \
    && find dist \( -name '*.d.ts' -o -name '*.map' \) -delete

FROM node:22-bookworm-slim AS packages
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:22-bookworm-slim
ENV NODE_ENV=production \
    TRUNKLINE_HOST=0.0.0.0
WORKDIR /app
COPY --from=packages /src/node_modules ./node_modules
COPY --from=build /src/package.json /src/LICENSE ./
COPY --from=build /src/bin ./bin
COPY --from=build /src/dist/gateway ./dist/gateway
COPY --from=build /src/dist/backplanes ./dist/backplanes
USER node
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=15s --retries=3 \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.TRUNKLINE_PORT || 8080}/readyz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/bin/trunkline.js"]
CMD ["serve"]
