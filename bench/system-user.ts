import type { NatsConnection } from '@nats-io/transport-node';
import type { Deployment } from '../lab/deployment.js';
import { HubClient } from '../src/nats/hub-client.js';
import { OperatorService } from '../src/nats/index.js';
import { parseConfig } from '../src/platform/config/index.js';
import { start } from '../src/start.js';

/** In the hub's system account, where its servers tell of connections. */
export interface SystemUser {
  connection: NatsConnection;
  close(): Promise<void>;
}

/** Made with the key of the system account, which a process of the service on the same data directory has. */
export async function systemUser({ dataDir, hub }: Deployment): Promise<SystemUser> {
  const urls = { NATS_URL: hub.clientUrl, NATS_LEAF_UPSTREAM_URL: hub.leafUrl };
  const service = await start(parseConfig({ DATA_DIR: dataDir, ROLES: 'api', PORT: '0', GATEWAY_PORT: '0', LOG_LEVEL: 'warn', ...urls }));
  const { systemAccount, systemAccountKey: signer } = service.app.get(OperatorService, { strict: false });
  const everything = { allow: ['>'], deny: [] };
  const user = { name: 'bench', account: systemAccount.publicKey, signer, permissions: { publish: everything, subscribe: everything } };
  const connection = await service.app.get(HubClient, { strict: false }).connect(user);
  return {
    connection,
    async close() {
      await connection.close();
      await service.stop();
    },
  };
}
