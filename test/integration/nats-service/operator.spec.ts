import { NatsOperator, NatsOperatorKey } from '#libs/model';
import { OperatorService } from '../../../src/nats/index.js';
import { PLATFORM } from '../../../src/platform/database/index.js';
import { KeyRing } from '../../../src/platform/encryption/index.js';
import { NATS_VERSIONS } from '../nats/nats-server.js';
import { Installation } from './installation.js';

describe('an operator from before there could be several signing keys', () => {
  let installation: Installation;
  beforeAll(async () => {
    installation = await Installation.prepare(NATS_VERSIONS[0]!);
  });
  afterAll(() => installation.stop());

  it('signs with the key that it had, of which there is one row, after processes have started at the same time', async () => {
    const { database } = installation.database;
    const keyRing = installation.idle.get(KeyRing, { strict: false });
    const publicKey = await database.transaction(PLATFORM, async (em) => {
      const [row] = await em.findAll(NatsOperator);
      const [key] = await em.findAll(NatsOperatorKey);
      const seed = keyRing.open(key!.seedCiphertext!, { table: 'nats_operator_keys', column: 'seed', rowId: key!.id, tenantId: null });
      const signingSeedCiphertext = keyRing.seal(seed, { table: 'nats_operators', column: 'signing_seed', rowId: row!.id, tenantId: null });
      Object.assign(row!, { signingKey: key!.publicKey, signingSeedCiphertext });
      em.remove(key!);
      return key!.publicKey;
    });

    const processes = await Promise.all([installation.process(), installation.process()]);

    for (const process of processes) {
      const { signingKey, signingKeySince } = await process.get(OperatorService, { strict: false }).current();
      expect([signingKey.publicKey, signingKeySince]).toEqual([publicKey, 1]);
    }
    expect(await database.em(PLATFORM).find(NatsOperatorKey, {})).toMatchObject([{ publicKey, status: 'active' }]);
  });
});
