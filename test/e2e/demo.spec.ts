import { resolve } from 'node:path';
import { readOptions } from '../../demo/options.js';
import { run } from '../../lab/child.js';
import { NATS_SERVERS } from '../../lab/nats-versions.js';

describe('the demo', () => {
  it.each([
    ['nothing', [], {}, { json: false, keep: false }],
    ['npm run demo -- --json', ['--json'], {}, { json: true, keep: false }],
    ['npm run demo --json', [], { npm_config_json: 'true' }, { json: true, keep: false }],
    ['npm run demo --keep', [], { npm_config_keep: 'true' }, { json: false, keep: true }],
    ['npm run demo --no-json', [], { npm_config_json: '' }, { json: false, keep: false }],
  ])('is told by %s what it is asked for', (_what, args, env, asked) => {
    expect(readOptions(args, env)).toMatchObject(asked);
  });

  it('holds all that it shows, and says so in one JSON object, last', async () => {
    const { code, output } = await run(process.execPath, [resolve('dist/demo/main.js'), '--json'], { env: { NATS_SERVER: NATS_SERVERS.latest } });
    const result = JSON.parse(output.trimEnd().split('\n').at(-1)!) as { ok: boolean; steps: Record<string, number> };
    expect({ code, ok: result.ok, output }).toMatchObject({ code: 0, ok: true });
    expect(Object.keys(result.steps).length).toBeGreaterThan(12);
  });
});
