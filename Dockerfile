# The service alone: PostgreSQL and the hub are given by DATABASE_URL and NATS_URL.
#
#   docker build -t serviceradar-edge .
#   docker run -p 3000:3000 -e DATABASE_URL=… -e NATS_URL=… -e NATS_LEAF_UPSTREAM_URL=… -e PUBLIC_URL=… -e ENCRYPTION_KEYS=… serviceradar-edge

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Without scripts and optional packages: Node comes with the image, PostgreSQL from elsewhere. Not `npm ci`, which refuses a lock
# file that lacks the optional packages of other platforms.
RUN npm install --no-save --ignore-scripts --omit=optional --no-audit --no-fund
COPY tsconfig.json nest-cli.json ./
COPY libs ./libs
COPY migrations ./migrations
COPY src ./src
RUN npx --no-install nest build

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm install --no-save --ignore-scripts --omit=dev --omit=optional --no-audit --no-fund

FROM node:24-slim
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=3000 \
    DATA_DIR=/var/lib/serviceradar-edge
WORKDIR /app
RUN install -d -o node -g node -m 0700 /var/lib/serviceradar-edge
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json ./
USER node
EXPOSE 3000 50052
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/api/health/live`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--enable-source-maps", "dist/src/main.js"]
