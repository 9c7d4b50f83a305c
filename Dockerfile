# chatkeep as one image: `serve` by default; `migrate`, `doctor` and the others by their names.
FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
COPY packages packages
COPY scripts scripts
COPY tsconfig.json tsconfig.base.json LICENSE ./
COPY bench/package.json bench/
COPY e2e/package.json e2e/
COPY examples examples
RUN npm install --no-audit --no-fund --ignore-scripts --workspace chatkeep --workspace @chatkeep/server --workspace @chatkeep/web --include-workspace-root
RUN npx tsc -b packages/server && npm run build --workspace @chatkeep/web
RUN npm pack --ignore-scripts --workspace chatkeep --workspace @chatkeep/server --pack-destination /packed

FROM node:24-slim AS install
WORKDIR /app
COPY --from=build /packed /packed
RUN echo '{"private":true}' > package.json && npm install --no-audit --no-fund --ignore-scripts --omit=dev /packed/*.tgz

FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 CHATKEEP_DATA=/data
# Without DATABASE_URL the embedded database lives here, and needs a volume; with it only files that are imported are written, to /tmp.
RUN mkdir /data && chown node:node /data
COPY --from=install /app/node_modules /app/node_modules
USER node
WORKDIR /app
EXPOSE 3000
# It takes no new requests, and lets replies end for 25 seconds.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/node_modules/@chatkeep/server/dist/cli.js"]
CMD ["serve"]
