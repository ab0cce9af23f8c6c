import { existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Outcome, run } from '../../lab/child.js';
import { temporaryDirectory } from '../../lab/temporary-directory.js';

describe('a start with a configuration that makes no sense', () => {
  const directory = temporaryDirectory();
  const dataDir = join(directory, 'data');
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const start = (env: NodeJS.ProcessEnv): Promise<Outcome> =>
    run(process.execPath, [resolve('dist/src/main.js')], { env: { DATA_DIR: dataDir, ...env } });

  it.each([
    ['PORT', 'eighty'],
    ['HOST', 'not a host'],
    ['DATABASE_URL', 'mysql://127.0.0.1/edge'],
    ['NATS_URL', 'http://127.0.0.1'],
    ['NATS_LEAF_UPSTREAM_URL', '7422'],
    ['HUB_LEAF_PORT', '70000'],
    ['PUBLIC_URL', 'edge.example'],
    ['ROLES', 'api,cook'],
    ['BOOTSTRAP_ADMIN_KEY', 'secret-of-the-admin'],
    ['ENCRYPTION_KEYS', 'c2hvcnQ='],
  ])('is refused with %s named, and starts nothing', async (name, value) => {
    const { code, output } = await start({ [name]: value });
    expect(code).toBe(1);
    expect(output).toContain(`${name} `);
    expect(existsSync(dataDir)).toBe(false);
  });

  it('is told of all that is wrong at once', async () => {
    const { output } = await start({ PORT: 'eighty', ROLES: 'cook', HUB_CLIENT_PORT: '-1' });
    for (const name of ['PORT', 'ROLES', 'HUB_CLIENT_PORT']) expect(output).toContain(`${name} must`);
  });

  it('repeats no secret', async () => {
    const { output } = await start({ BOOTSTRAP_ADMIN_KEY: 'secret-of-the-admin', ENCRYPTION_KEYS: '1:c2VjcmV0' });
    expect(output).not.toContain('secret-of-the-admin');
    expect(output).not.toContain('c2VjcmV0');
  });
});
