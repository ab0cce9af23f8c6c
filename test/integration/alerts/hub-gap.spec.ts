import { HubConnection } from '../../../src/nats/index.js';
import { Watches } from '../../../src/platform/watches.js';
import { NATS_VERSIONS, until } from '../nats/nats-server.js';
import { Installation } from '../nats-service/installation.js';

describe('that the hub was not watched for a while', () => {
  let installation: Installation;
  beforeAll(async () => {
    installation = await Installation.prepare(NATS_VERSIONS[0]!);
    await installation.startHub();
  });
  afterAll(() => installation.stop());

  /** Keeps it from the record that the hub is watched. @returns how often it has, and what ends it */
  const refusing = async () => {
    await installation.database.asSuperuser((client) => client.query(`
      create sequence refusals;
      create function refuse() returns trigger language plpgsql security definer as $$ begin perform nextval('refusals'); raise exception 'refused'; end $$;
      create trigger refuse before insert on watches for each row execute function refuse();`));
    return {
      hasRefused: () => installation.database.asSuperuser(async (client) => (await client.query<{ is_called: boolean }>('select is_called from refusals')).rows[0]!.is_called),
      end: () => installation.database.asSuperuser((client) => client.query('drop trigger refuse on watches')),
    };
  };

  it('is known also when the first comparison after that fails', async () => {
    const monitor = await installation.process('monitor');
    const watches = new Watches(installation.database.database);
    await until('it is watched', () => watches.of('hub'));
    await installation.stopHub();
    await until('it is away', () => !monitor.get(HubConnection, { strict: false }).connected);
    const refusals = await refusing();
    const back = new Date();
    await installation.startHub();
    await until('a comparison has failed', refusals.hasRefused);
    await refusals.end();
    await until('it is watched again, and since then only', async () => (await watches.of('hub'))!.watchedSince >= back);
  });
});
