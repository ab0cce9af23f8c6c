import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keptKey, makeKeyFile } from './key-file.js';

describe('a kept encryption key', () => {
  let directory: string;
  let file: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'serviceradar-key-'));
    file = join(directory, 'data', 'encryption-key');
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it('is made once, for its owner only, and found again', () => {
    const key = keptKey(file).reveal();
    expect(key).toHaveLength(32);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(keptKey(file).reveal()).toEqual(key);
  });

  it('is left as it is by a process that did not see it yet, which leaves nothing behind', () => {
    const key = keptKey(file).reveal();
    makeKeyFile(file);
    expect(keptKey(file).reveal()).toEqual(key);
    expect(readdirSync(join(directory, 'data'))).toEqual(['encryption-key']);
  });
});
