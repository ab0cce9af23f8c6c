import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BundleEntry } from './archive.js';
import { bundleChecksum, CHECKSUMS_PATH, checksums } from './checksums.js';

describe('the checksums of a bundle', () => {
  const entries: BundleEntry[] = [
    { path: 'b', mode: 0o644, content: 'two\n' },
    { path: 'a', mode: 0o600, content: Buffer.from([0, 255]) },
  ];
  const dir = mkdtempSync(join(tmpdir(), 'bundle-checksums-'));
  beforeAll(() => {
    for (const { path, content } of entries) writeFileSync(join(dir, path), content);
    writeFileSync(join(dir, CHECKSUMS_PATH), checksums(entries));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  it('are the text that sha256sum writes', () => {
    expect(checksums(entries)).toBe(execFileSync('sha256sum', ['a', 'b'], { cwd: dir, encoding: 'utf8' }));
  });

  it('have the checksum that sha256sum gives their file', () => {
    const [sum] = execFileSync('sha256sum', [CHECKSUMS_PATH], { cwd: dir, encoding: 'utf8' }).split(' ');
    expect(bundleChecksum(entries)).toBe(sum);
  });

  it('do not depend on the order, nor on whether their own file is among the entries', () => {
    const own: BundleEntry = { path: CHECKSUMS_PATH, mode: 0o644, content: checksums(entries) };
    expect(checksums([own, ...entries.toReversed()])).toBe(checksums(entries));
  });
});
