import { resolve } from 'node:path';

/** The oldest supported nats-server and the newest, as `npm test` fetches them. */
export const NATS_SERVERS = {
  '2.10': resolve(process.env.NATS_SERVER_2_10 || '.cache/nats-server/2.10/usr/sbin/nats-server'),
  latest: resolve(process.env.NATS_SERVER || '.cache/nats-server/latest/usr/sbin/nats-server'),
} as const;
