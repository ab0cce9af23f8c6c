import { freePort } from '../../../lab/free-port.js';
import { lockName } from '../../../src/platform/embedded/directory-lock.js';
import { isPortFree } from '../../../src/platform/embedded/index.js';

describe('a free port of the laboratory', () => {
  it('can be bound, and is given to nobody else', async () => {
    const port = await freePort();
    expect(await isPortFree(port)).toBe(true);
    expect(await lockName(`port/${port}`)).toBeUndefined();
  });
});
