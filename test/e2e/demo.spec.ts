import { resolve } from 'node:path';
import { run } from '../../lab/child.js';
import { NATS_SERVERS } from '../../lab/nats-versions.js';

describe('the demo', () => {
  it('holds all that it shows, and says so in one JSON object, last', async () => {
    const { code, output } = await run(process.execPath, [resolve('dist/demo/main.js'), '--json'], { env: { NATS_SERVER: NATS_SERVERS.latest } });
    const result = JSON.parse(output.trimEnd().split('\n').at(-1)!) as { ok: boolean; steps: Record<string, number> };
    expect({ code, ok: result.ok, output }).toMatchObject({ code: 0, ok: true });
    expect(Object.keys(result.steps).length).toBeGreaterThan(12);
  });
});
